// SPDX-License-Identifier: Apache-2.0
// Written by python -m node.contract_files from the message registry; not to be edited.
pragma solidity ^0.8.20;

/// @title Issuance, the system contract at 0x0000000000000000000000000000000000000403
/// @notice How many tokens the rise of land values allows.
/// @dev It has no code: the node itself answers.
interface IIssuance {
    struct IssuanceParameters {
        // GROSS or NET
        string mode;
        uint256 lambdaBps;
        uint256 priceKrwPerToken;
        // amount in smallest units (10^-18 token), decimal
        uint256 hardCap;
        // W
        uint256 windowAnchors;
        uint256 limitBps;
        uint256 limitRoomDivisor;
        uint256 limitBoundBps;
    }

    struct SettledZone {
        string zone;
        uint256 areaTenthM2;
        uint256 baseKrwPerM2;
        string outcome;
        uint256 medianKrwPerM2;
        uint256 acceptedKrwPerM2;
        uint256 countedKrwPerM2;
        // what only certified events let the price rise so far
        uint256 certifiedKrwPerM2;
    }

    struct Derivation {
        uint256 round;
        // that were in force
        IssuanceParameters parameters;
        uint256 reports;
        bytes32 reportsHash;
        SettledZone[] zones;
        // V
        int256 valueKrw;
        // V0
        int256 baseValueKrw;
        // C
        int256 costsKrw;
        // the nation's, 10^12 at the base date; null in mode GROSS and without N
        string normalGrowthIndex;
        // N; null while official rates are missing
        int256 normalGrowthKrw;
        // GROSS or NET
        string mode;
        // a full appraisal; only these raise R
        bool isAnchor;
        // L; null without N in mode NET: nothing is minted then
        int256 liveKrw;
        // Q: worth of what only certified events let zones rise
        int256 certifiedRiseKrw;
        // K
        int256 certifiedKrw;
        // L of the last W anchors
        int256[] windowLiveKrw;
        // K of the last W anchors
        int256[] windowCertifiedKrw;
        // S; null before W anchors
        int256 lastingKrw;
        // the same of K
        int256 certifiedLastingKrw;
        // false while the ratio gate holds recognition back
        bool recognitionOpen;
        // KRW, decimal
        int256 recognisedBeforeKrw;
        // R
        int256 recognisedKrw;
        // amount in smallest units (10^-18 token), decimal
        uint256 entitlementBefore;
        // E
        uint256 entitlement;
        // KRW, decimal
        int256 certifiedRecognisedBeforeKrw;
        // Rc
        int256 certifiedRecognisedKrw;
        // amount in smallest units (10^-18 token), decimal
        uint256 certifiedEntitlementBefore;
        // Ec
        uint256 certifiedEntitlement;
        // what accounts held at genesis
        uint256 genesisAllocation;
        // amount in smallest units (10^-18 token), decimal
        uint256 ceiling;
        // amount in smallest units (10^-18 token), decimal
        uint256 issuedBefore;
        // ceiling - issued before
        uint256 room;
        // taken from the room of certified events so far
        uint256 certifiedIssuedBefore;
        // its part that certified events opened
        uint256 roomCertified;
        // amount in smallest units (10^-18 token), decimal
        uint256 cover;
        // by reserve tranches that matured
        uint256 burnedInRound;
        // since genesis, this round's included
        uint256 burnedInAll;
        // before the mint
        uint256 outstanding;
        // before the mint; null when nothing was outstanding
        uint256 coverageBps;
        // E0
        uint256 townScale;
        // amount in smallest units (10^-18 token), decimal
        uint256 quarterLimit;
        uint256 elapsedMs;
        uint256 lengthMs;
        // amount in smallest units (10^-18 token), decimal
        uint256 limit;
        // governance had stopped minting
        bool paused;
        // amount in smallest units (10^-18 token), decimal
        uint256 minted;
        // taken from room_certified
        uint256 certifiedMinted;
        // amount in smallest units (10^-18 token), decimal
        uint256 issued;
    }

    struct Issuance {
        // the last settled round
        uint256 round;
        // amount in smallest units (10^-18 token), decimal
        uint256 ceiling;
        // with the genesis allocation
        uint256 issued;
        // without it
        uint256 minted;
        // amount in smallest units (10^-18 token), decimal
        uint256 burned;
        // ceiling - issued
        uint256 headroom;
        // amount in smallest units (10^-18 token), decimal
        uint256 genesisAllocation;
        // address with EIP-55 checksum
        address treasuryPool;
        // in force now
        IssuanceParameters parameters;
        // null before the first settled round
        Derivation derivation;
    }

    /// @notice On the record as issuance.minted.
    event Minted(uint256 indexed round, uint256 amount, uint256 certifiedAmount, uint256 room, uint256 roomCertified, uint256 cover, uint256 outstanding, uint256 quarterLimit, uint256 elapsedMs, uint256 lengthMs, uint256 limit, uint256 issued, uint256 reports, bytes32 reportsHash);

    /// @notice On the record as issuance.parameter_changed.
    event ParameterChanged(string parameter, uint256 before, uint256 after_, uint256 fromRound);

    /// @notice On the record as issuance.recognised.
    event Recognised(uint256 indexed round, string mode, uint256 isAnchor, uint256 recognitionOpen, uint256 valueKrw, uint256 baseValueKrw, uint256 costsKrw, uint256 certifiedRiseKrw, uint256 windowAnchors, uint256 normalGrowthKrw, uint256 liveKrw, uint256 certifiedKrw, uint256 lastingKrw, uint256 certifiedLastingKrw, uint256 recognisedBeforeKrw, uint256 recognisedKrw, uint256 certifiedRecognisedKrw, uint256 lambdaBps, uint256 priceKrwPerToken, uint256 entitlement, uint256 certifiedEntitlement, uint256 ceiling, uint256 burned, uint256 paused);

    /// @notice Ceiling, issued, burned and headroom now, with every input and result of a settled round, so that anyone can recompute the mint. Null for a round that is not settled.
    /// @param round Whose derivation; by default of the last settled round. Zero or empty for the default.
    function getIssuance(uint64 round) external view returns (Issuance memory);

    /// @notice Changes one parameter, in force from the next round to close on; only carried out by a vote.
    /// @param name name of the parameter
    /// @param value the new value, in the parameter's unit
    function setParameter(string calldata name, uint256 value) external;
}
