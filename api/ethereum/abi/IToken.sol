// SPDX-License-Identifier: Apache-2.0
// Written by python -m node.contract_files from the message registry; not to be edited.
pragma solidity ^0.8.20;

/// @title Token, the system contract at 0x0000000000000000000000000000000000000401
/// @notice The development token (발전토큰), in the manner of ERC-20.
/// @dev It has no code: the node itself answers.
interface IToken {
    struct SendManyTransfers {
        // receiver
        address to;
        // smallest units; 0 is allowed
        uint256 amount;
    }

    /// @notice On the record as transfer.sent.
    event Transfer(address indexed from, address indexed to, uint256 value);

    /// @notice The token's name.
    function name() external view returns (string memory);

    /// @notice The token's symbol.
    function symbol() external view returns (string memory);

    /// @notice Digits after the point.
    function decimals() external view returns (uint8);

    /// @notice Smallest units that exist: issued and not burned.
    function totalSupply() external view returns (uint256);

    /// @notice Smallest units that an account holds.
    /// @param owner any account
    function balanceOf(address owner) external view returns (uint256);

    /// @notice Moves tokens from the sender to one account.
    /// @param to receiver
    /// @param amount smallest units; 0 is allowed
    /// @param memoHash hash of a document kept elsewhere, or empty
    function send(address to, uint256 amount, bytes32 memoHash) external;

    /// @notice Moves tokens from the sender to one account, as ERC-20 says.
    /// @param to receiver
    /// @param value smallest units; 0 is allowed
    function transfer(address to, uint256 value) external returns (bool);

    /// @notice Moves tokens from the sender to several accounts, all of them or none.
    /// @param transfers receivers and amounts, in order
    /// @param memoHash hash of a document kept elsewhere, or empty
    function sendMany(SendManyTransfers[] calldata transfers, bytes32 memoHash) external;
}
