// SPDX-License-Identifier: Apache-2.0
// Written by python -m node.contract_files from the message registry; not to be edited.
pragma solidity ^0.8.20;

/// @title Distribution, the system contract at 0x0000000000000000000000000000000000000404
/// @notice Pools, shares, claims and vesting of what was issued.
/// @dev It has no code: the node itself answers.
interface IDistribution {
    struct Pool {
        // its name in distribution.claim
        string pool;
        // that holds its tokens; nobody has its key
        address account;
        // its part of a mint
        uint256 percent;
        // amount in smallest units (10^-18 token), decimal
        uint256 balance;
        // parts of mints so far
        uint256 received;
        // from the treasury so far
        uint256 dividends;
        // kept for the next round, since no share was active
        uint256 waiting;
        // paid to shares and not claimed yet, with what floors left over
        uint256 owed;
        // a number that may pass 2^53, decimal
        uint256 activeShares;
        // certified in the running round
        uint256 pendingShares;
        // persons with a share
        uint256 holders;
        // 2^64 times what a share active since the start has earned
        uint256 accumulator;
    }

    struct Pools {
        // the last one distributed
        uint256 round;
        // the running one
        uint256 quarter;
        // of points of a first contribution in it, millionths
        uint256 weightPpm;
        // made so far
        uint256 certificates;
        // holds what was claimed and is not released
        address vestingAccount;
        // its balance
        uint256 vesting;
        Pool[] pools;
    }

    struct Share {
        string pool;
        // a number that may pass 2^53, decimal
        uint256 activeShares;
        // a number that may pass 2^53, decimal
        uint256 pendingShares;
        // what poyong pool claim would grant now
        uint256 claimable;
    }

    struct Grant {
        uint256 quarter;
        // amount in smallest units (10^-18 token), decimal
        uint256 amount;
        // amount in smallest units (10^-18 token), decimal
        uint256 vested;
        // amount in smallest units (10^-18 token), decimal
        uint256 unvested;
        // amount in smallest units (10^-18 token), decimal
        uint256 released;
        // vested whole in grants 17 quarters older, and not released
        uint256 matured;
        // when more of it vests; null once all has
        uint256 nextVestingQuarter;
    }

    struct Certificate {
        // its number
        uint256 certificate;
        uint256 round;
        string kind;
        string pool;
        // a number that may pass 2^53, decimal
        uint256 points;
        // a number that may pass 2^53, decimal
        uint256 shares;
        // address with EIP-55 checksum
        address certifier;
        // 32 bytes as 0x hex
        bytes32 evidenceHash;
        bool revoked;
        // why it was revoked; empty otherwise
        string reason;
    }

    struct Position {
        // address with EIP-55 checksum
        address account;
        uint256 enrolledQuarter;
        // null while here
        uint256 leftQuarter;
        // left, death, illness or relocation; null while here
        string cause;
        // the running one
        uint256 quarter;
        // of points certified in it, millionths
        uint256 weightPpm;
        // the quarter that this weight is of
        uint256 weightQuarter;
        Share[] pools;
        // vested and not released
        uint256 releasable;
        // oldest first; at most 17
        Grant[] grants;
        // newest first; at most 64
        Certificate[] certificates;
    }

    /// @notice On the record as pool.received.
    event Received(string pool, uint256 indexed round, uint256 amount, uint256 shares, uint256 accumulator);

    /// @notice On the record as distribution.certified.
    event Certified(uint256 indexed certificate, address indexed certifier, address indexed person, string kind, string pool, uint256 points, uint256 weightPpm, uint256 shares, uint256 quarter, bytes32 evidenceHash);

    /// @notice On the record as distribution.claimed.
    event Claimed(address indexed person, string pool, uint256 amount, uint256 quarter);

    /// @notice On the record as distribution.dividend.
    event Dividend(string pool, uint256 amount, uint256 shares, uint256 quarter);

    /// @notice On the record as distribution.enrolled.
    event Enrolled(address indexed person, bytes32 nullifier, address indexed registrar, uint256 quarter);

    /// @notice On the record as distribution.left.
    event Left(address indexed person, string cause, uint256 quarter, uint256 vested, uint256 unvested, uint256 unclaimed, uint256 toReserve);

    /// @notice On the record as distribution.parameter_changed.
    event ParameterChanged(string parameter, uint256 before, uint256 after_, uint256 fromRound);

    /// @notice On the record as distribution.rebound.
    event Rebound(address indexed old, address indexed new_, uint256 pools, uint256 grants);

    /// @notice On the record as distribution.released.
    event Released(address indexed person, uint256 amount, uint256 quarter);

    /// @notice On the record as distribution.reserve_matured.
    event ReserveMatured(uint256 indexed round, uint256 due, uint256 uncovered, uint256 burned, uint256 toTreasury);

    /// @notice On the record as distribution.revoked.
    event Revoked(uint256 indexed certificate, address indexed person, string kind, uint256 points, uint256 shares, address indexed by, string reason);

    /// @notice On the record as distribution.spent.
    event Spent(address indexed to, uint256 amount, bytes32 memoHash, uint256 quarter);

    /// @notice Every pool: balance, shares, holders, and what it received so far. Null on a chain without distribution, whose treasury receives every mint.
    function getPools() external view returns (Pools memory);

    /// @notice A person's shares, what may be claimed and released, grants and newest certificates. Null for an account that was never enrolled.
    /// @param account Account of the person.
    function getPosition(address account) external view returns (Position memory);

    /// @notice Enrols a person, once and with one account.
    /// @param person the person's account
    /// @param nullifier HMAC of the person's record under the registrars' key
    function enrol(address person, bytes32 nullifier) external;

    /// @notice Certifies a person's contribution, which earns shares of the kind's pool.
    /// @param person the person's account
    /// @param kind one of work, residence, research, mission, founding, expropriation
    /// @param points how much it is worth
    /// @param evidenceHash SHA-256 of the evidence
    function certify(address person, string calldata kind, uint64 points, bytes32 evidenceHash) external;

    /// @notice Takes a certificate back before its round closes.
    /// @param certificate its number
    /// @param reason why, for the record
    function revoke(uint64 certificate, string calldata reason) external;

    /// @notice Turns what the sender's shares earned into a vesting grant.
    /// @param pool one of participation, achievement, founders, owners
    function claim(string calldata pool) external;

    /// @notice Moves everything that has vested to the sender's balance.
    function release() external;

    /// @notice Pays treasury tokens over the active shares of a pool.
    /// @param pool one of participation, achievement, founders, owners
    /// @param amount smallest units
    function dividend(string calldata pool, uint256 amount) external;

    /// @notice Ends a person's shares; sent by a registrar, or by the person who leaves.
    /// @param person the person's account
    /// @param cause one of left, death, illness, relocation
    function leave(address person, string calldata cause) external;

    /// @notice Pays treasury tokens to an account; only carried out by a vote.
    /// @param to who is paid
    /// @param amount smallest units
    /// @param memoHash SHA-256 of what it is for
    function spend(address to, uint256 amount, bytes32 memoHash) external;

    /// @notice Changes one parameter, in force from the next round on; only carried out by a vote.
    /// @param name name of the parameter
    /// @param value the new value, in the parameter's unit
    function setParameter(string calldata name, uint256 value) external;
}
