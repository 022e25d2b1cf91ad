// SPDX-License-Identifier: Apache-2.0
// Written by python -m node.contract_files from the message registry; not to be edited.
pragma solidity ^0.8.20;

/// @title Governance, the system contract at 0x0000000000000000000000000000000000000405
/// @notice Proposals, votes, the emergency council and validators.
/// @dev It has no code: the node itself answers.
interface IGovernance {
    struct ListedProposal {
        // A, B, C or D
        string class;
        uint256 number;
        string title;
        // sponsors, petition or council
        string origin;
        // where it stands, such as VOTING or QUEUED
        string status;
        uint256 submittedMs;
        // when it moves by itself; null once it has ended
        uint256 nextStepMs;
        uint256 endedMs;
    }

    struct ProposalPage {
        ListedProposal[] proposals;
        // continues the list as `before`; null at its end
        uint256 nextBefore;
    }

    struct ProposalMessage {
        string type_;
        // bytes as 0x hex
        bytes body;
    }

    struct VoteRules {
        // A, B, C or D
        string class;
        // waits a year once passed
        bool loosensSupply;
        // of the weight of all chambers that count
        uint256 weightBps;
        // true when it has to be exceeded, not just reached
        bool weightIsStrict;
        // Yes of persons' Yes and No; null without such a majority
        uint256 personsBps;
        bool personsIsStrict;
        // each persons' chamber has to consent
        bool needsBothPersons;
        // how many votes have to pass
        uint256 votes;
        uint256 personsQuorumBps;
        uint256 institutionQuorumBps;
        uint256 votingMs;
        uint256 timelockMs;
        // of a chamber's members, that one delegate may carry
        uint256 delegateBps;
    }

    struct ChamberTally {
        string chamber;
        // of 100
        uint256 weight;
        // members when the vote began
        uint256 seated;
        uint256 yes;
        uint256 no;
        uint256 abstain;
        bool recused;
        // too few members: its weight does not count
        bool vacant;
        bool consents;
    }

    struct MissingCondition {
        // persons_quorum, persons_yes, weight, institution_quorum or persons_chamber
        string lack;
        // null where all are meant
        string chamber;
        // votes, Yes votes, or points of weight
        uint256 found;
        // in the same unit, at the No votes of now
        uint256 needed;
    }

    struct ProposalVote {
        // 1, or 2 and 3 for a second vote and a recall
        uint256 vote;
        // The rules of a vote, frozen when the first vote on the proposal began; bps of 10,000.
        VoteRules rules;
        uint256 openedMs;
        uint256 endsMs;
        // the quorum came late, so it lasts longer
        bool isExtended;
        // when enough had voted
        uint256 quorumMs;
        // number of the frozen electorate
        uint256 snapshot;
        // PASSED, REJECTED or NO_QUORUM; null while it runs
        string outcome;
        uint256 consentingWeight;
        // of all chambers that count
        uint256 weight;
        ChamberTally[] chambers;
        MissingCondition[] missing;
    }

    struct Proposal {
        // A, B, C or D
        string class;
        uint256 number;
        string title;
        // sponsors, petition or council
        string origin;
        // where it stands, such as VOTING or QUEUED
        string status;
        uint256 submittedMs;
        // when it moves by itself; null once it has ended
        uint256 nextStepMs;
        uint256 endedMs;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        // of its messages, or of the document without any
        bytes32 contentHash;
        // number of the registered basis
        uint256 legalBasis;
        // who brought it
        address account;
        ProposalMessage[] messages;
        // of a petition
        uint256 signatures;
        uint256 signaturesNeeded;
        // who asks for one further vote
        uint256 recalls;
        uint256 recallsNeeded;
        bool isRecalled;
        // to execute it
        uint256 tries;
        // why the newest try failed, or why it ended
        string reason;
        // of the queued action
        uint256 expiresMs;
        // oldest first
        ProposalVote[] votes;
        // for a majority, while a vote runs
        MissingCondition[] missing;
        // fixed once queued; while voting, if every vote to come passes in its nominal time
        uint256 executesMs;
    }

    struct Tally {
        // A, B, C or D
        string class;
        uint256 number;
        string status;
        // oldest first
        ProposalVote[] votes;
        // for a majority, while a vote runs
        MissingCondition[] missing;
        // as in poyong_getProposal
        uint256 executesMs;
    }

    struct CouncilSeat {
        string chamber;
        // null while nobody is named by enough members
        address account;
    }

    struct EmergencyPause {
        uint256 number;
        // minting, finalising, or message:<type>
        string target;
        // 32 bytes as 0x hex
        bytes32 reasonHash;
        uint256 startedMs;
        uint256 untilMs;
        uint256 endedMs;
        // proposal that prolongs it
        uint256 renewal;
        bool isRenewed;
        // null until the pause has ended
        uint256 reportDueMs;
        bytes32 reportHash;
    }

    struct Council {
        // one for each chamber that is not vacant
        CouncilSeat[] seats;
        // pauses in force
        uint256[] active;
        // pauses that still lack their report
        uint256[] unreported;
        // the newest 100, oldest first
        EmergencyPause[] pauses;
    }

    struct ChallengePetition {
        // its number
        uint256 petition;
        string chamber;
        string zone;
        uint256 round;
        // as in land.challenge
        string ground;
        // 32 bytes as 0x hex
        bytes32 evidenceHash;
        // who opened it
        address account;
        uint256 openedMs;
        uint256 signatures;
        // for the challenge, while the value may be challenged
        uint256 needed;
        // when they made the challenge; null before
        uint256 filedMs;
    }

    struct ParameterChange {
        string before;
        string after_;
        // first round that goes by it; null in module proposals
        uint256 fromRound;
        // block time at which it was carried out
        uint256 timeMs;
        // that decided it
        uint256 proposal;
        // of what that proposal carried
        bytes32 contentHash;
    }

    struct Parameter {
        // A to D; null: no vote changes it
        string class;
        string module;
        string name;
        // 0 to 3 for classes A to D; null for a single number
        uint256 position;
        // in force; of land, what the oldest open round goes by
        string value;
        // what the next round goes by; null where it is the same
        string coming;
        // no vote sets it below
        string lowest;
        // nor above
        string highest;
        string unit;
        // message type that a proposal carries; null: genesis alone
        string changedBy;
        // direction in which a change loosens supply
        string loosens;
        // class of such a change, which waits a year
        string classLoosening;
        // newest first
        ParameterChange[] changes;
    }

    struct Call {
        // the system contract
        address target;
        // calldata of one of its functions
        bytes data;
    }

    /// @notice On the record as proposals.challenge_filed.
    event ChallengeFiled(uint256 indexed petition, string zone, uint256 indexed round);

    /// @notice On the record as proposals.challenge_petition_opened.
    event ChallengePetitionOpened(uint256 indexed petition, string chamber, string zone, uint256 indexed round, string ground, bytes32 evidenceHash, address indexed account, uint256 needed);

    /// @notice On the record as proposals.challenge_signed.
    event ChallengeSigned(uint256 indexed petition, address indexed account, uint256 signatures, uint256 needed);

    /// @notice On the record as proposals.delegated.
    event Delegated(address indexed delegator, address indexed delegate, string proposalClass, uint256 endsMark);

    /// @notice On the record as proposals.extended.
    event Extended(uint256 indexed proposal, uint256 endsMs);

    /// @notice On the record as proposals.moved.
    event Moved(uint256 indexed proposal, string before, string after_, uint256 dueMs, string reason);

    /// @notice On the record as proposals.parameter_changed.
    event ParameterChanged(string parameter, uint256 position, uint256 before, uint256 after_);

    /// @notice On the record as proposals.pause_agreed.
    event PauseAgreed(string target, string chamber, address indexed account, bytes32 reasonHash, uint256 agreeing, uint256 seats);

    /// @notice On the record as proposals.pause_ended.
    event PauseEnded(uint256 indexed pause, string target, uint256 reportDueMs);

    /// @notice On the record as proposals.pause_prolonged.
    event PauseProlonged(uint256 indexed pause, uint256 untilMs);

    /// @notice On the record as proposals.pause_reported.
    event PauseReported(uint256 indexed pause, bytes32 documentHash);

    /// @notice On the record as proposals.paused.
    event Paused(uint256 indexed pause, string target, uint256 untilMs);

    /// @notice On the record as proposals.recall_signed.
    event RecallSigned(uint256 indexed proposal, address indexed account, uint256 recalls, uint256 needed);

    /// @notice On the record as proposals.seat_named.
    event SeatNamed(string chamber, address indexed by, address indexed account);

    /// @notice On the record as proposals.seat_taken.
    event SeatTaken(string chamber, address indexed account, uint256 members);

    /// @notice On the record as proposals.signed.
    event Signed(uint256 indexed proposal, address indexed account, uint256 signatures, uint256 needed);

    /// @notice On the record as proposals.submitted.
    event Submitted(uint256 indexed proposal, string origin, address indexed account, string proposalClass, bytes32 contentHash, bytes32 documentHash);

    /// @notice On the record as proposals.try_failed.
    event TryFailed(uint256 indexed proposal, uint256 tries, string reason);

    /// @notice On the record as proposals.undelegated.
    event Undelegated(address indexed delegator, string proposalClass);

    /// @notice On the record as proposals.voted.
    event Voted(uint256 indexed proposal, uint256 vote, string chamber, address indexed account, string choice, uint256 votes);

    /// @notice On the record as governance.certifier_limited.
    event CertifierLimited(address indexed account, string kind, uint256 pointsBefore, uint256 points);

    /// @notice On the record as governance.key_rotated.
    event KeyRotated(string organisation, bytes publicKey);

    /// @notice On the record as governance.role_granted.
    event RoleGranted(string role, address indexed account, uint256 holders);

    /// @notice On the record as governance.role_revoked.
    event RoleRevoked(string role, address indexed account);

    /// @notice On the record as validators.observer_added.
    event ObserverAdded(bytes nodeKey, string observer);

    /// @notice On the record as validators.observer_removed.
    event ObserverRemoved(bytes nodeKey);

    /// @notice On the record as validators.probed.
    event Probed(bytes publicKey, uint256 height, uint256 probes);

    /// @notice On the record as validators.set_change_decided.
    event SetChangeDecided(string organisation, uint256 since, uint256 validators, bytes32 validatorsHash);

    /// @notice On the record as validators.suspended.
    event Suspended(string organisation, uint256 phase, uint256 height, uint256 view_);

    /// @notice On the record as validators.suspension_lifted.
    event SuspensionLifted(string organisation);

    /// @notice Proposals, newest first. A page of one state may hold fewer than asked for, even none, while next_before still continues the list: one call looks at 1000 proposals.
    /// @param state Only those that stand there; by default all. Zero or empty for the default.
    /// @param before Only numbers below; next_before of the page before. By default from the newest. Zero or empty for the default.
    /// @param count How many, at most. Zero or empty for the default.
    function listProposals(string calldata state, uint64 before, uint64 count) external view returns (ProposalPage memory);

    /// @notice A proposal: what it carries out, its votes with frozen rules and counts by chamber, what is still missing for a majority, and when it is executed. Null for an unknown number.
    /// @param number Number of the proposal.
    function getProposal(uint64 number) external view returns (Proposal memory);

    /// @notice The counts of a proposal's votes by chamber, what is still missing for a majority, and when it is executed. Null for an unknown number.
    /// @param number Number of the proposal.
    function getTally(uint64 number) external view returns (Tally memory);

    /// @notice The emergency council: who holds its seats, what is paused, and which reports are due. Null on a chain without proposals.
    function getCouncil() external view returns (Council memory);

    /// @notice Petitions of persons that challenge a land value, in order: signatures so far and needed, and when the challenge was made.
    /// @param after_ Only numbers above, by default all. Zero or empty for the default.
    /// @param count How many, at most. Zero or empty for the default.
    function listChallengePetitions(uint64 after_, uint64 count) external view returns (ChallengePetition[] memory);

    /// @notice Every parameter that the chain has: value, hard bounds, unit, the class of the vote that changes it, and each change with the proposal that decided it. Empty for an unknown name.
    /// @param module Only of this one; by default all. Zero or empty for the default.
    /// @param name Only this one; by default all. Zero or empty for the default.
    /// @param changes How many of each module's changes to look at, the newest first. Zero or empty for the default.
    function getParams(string calldata module, string calldata name, uint64 changes) external view returns (Parameter[] memory);

    /// @notice Brings a proposal; a second organisation has to sponsor it.
    /// @param title what it is about, in one line
    /// @param documentHash SHA-256 of the proposal's text
    /// @param legalBasis number of the legal basis, 0 for none
    /// @param messages what is carried out when it passes, in order; none for a signal
    function submit(string calldata title, bytes32 documentHash, uint64 legalBasis, Call[] calldata messages) external;

    /// @notice Sponsors another organisation's proposal, which puts it up for review.
    /// @param proposal number of the proposal
    function sponsor(uint64 proposal) external;

    /// @notice Withdraws one's own proposal before voting starts.
    /// @param proposal number of the proposal
    function withdraw(uint64 proposal) external;

    /// @notice Opens a petition and signs it; enough signatures put it up for review.
    /// @param title what it is about, in one line
    /// @param documentHash SHA-256 of the proposal's text
    /// @param legalBasis number of the legal basis, 0 for none
    /// @param messages what is carried out when it passes, in order; none for a signal
    function petition(string calldata title, bytes32 documentHash, uint64 legalBasis, Call[] calldata messages) external;

    /// @notice Signs a petition.
    /// @param proposal number of the petition
    function sign(uint64 proposal) external;

    /// @notice Asks that a queued action faces one further vote.
    /// @param proposal number of the proposal
    function recall(uint64 proposal) external;

    /// @notice Opens a petition that challenges a land value and signs it; enough signatures of one's chamber make the challenge.
    /// @param zone id of the zone
    /// @param round number of the town round
    /// @param ground why, as in land.challenge
    /// @param evidenceHash SHA-256 of the evidence
    function petitionChallenge(string calldata zone, uint64 round, string calldata ground, bytes32 evidenceHash) external;

    /// @notice Signs a petition that challenges a land value.
    /// @param petition number of the petition
    function signChallenge(uint64 petition) external;

    /// @notice Votes on a proposal, or changes the vote; what stands at the end counts.
    /// @param proposal number of the proposal
    /// @param choice yes, no or abstain
    function vote(uint64 proposal, string calldata choice) external;

    /// @notice Delegates a person's votes of one class to a member of the same chamber, for at most a year.
    /// @param proposalClass A, B, C or D
    /// @param delegate the delegate's account
    function delegate(string calldata proposalClass, address delegate) external;

    /// @notice Ends a delegation for votes that start later.
    /// @param proposalClass A, B, C or D
    function undelegate(string calldata proposalClass) external;

    /// @notice Names who should hold one's chamber's seat in the emergency council.
    /// @param account the account; the zero address names nobody
    function nameSeat(address account) external;

    /// @notice A council member's agreement to pause something; two thirds of the seats pause it.
    /// @param target minting, finalising, or message:<type>
    /// @param reasonHash SHA-256 of the reasons given
    function pause(string calldata target, bytes32 reasonHash) external;

    /// @notice A council member calls the vote of 48 hours on prolonging a pause once.
    /// @param pause number of the pause
    function renew(uint64 pause) external;

    /// @notice Puts the council's report on a pause on record.
    /// @param pause number of the pause
    /// @param documentHash SHA-256 of the report
    function report(uint64 pause, bytes32 documentHash) external;

    /// @notice Prolongs a pause; only carried out by the vote that a renewal calls.
    /// @param pause number of the pause
    function prolong(uint64 pause) external;

    /// @notice Changes one number of how proposals are decided; only carried out by a proposal.
    /// @param name name of the parameter
    /// @param position 0, or 0 to 3 for classes A to D
    /// @param value the new value, in the parameter's unit
    function changeParameter(string calldata name, uint64 position, uint64 value) external;

    /// @notice Adds a validator two heights later.
    /// @param organisation organisation name
    /// @param publicKey Ed25519 consensus key, 32 bytes
    /// @param nodeKey Ed25519 node key, 32 bytes
    function addValidator(string calldata organisation, bytes calldata publicKey, bytes calldata nodeKey) external;

    /// @notice Removes an organisation's validator two heights later.
    /// @param organisation organisation name
    function removeValidator(string calldata organisation) external;

    /// @notice Gives an organisation's validator new keys two heights later.
    /// @param organisation organisation name
    /// @param publicKey Ed25519 consensus key, 32 bytes
    /// @param nodeKey Ed25519 node key, 32 bytes
    function rotateKey(string calldata organisation, bytes calldata publicKey, bytes calldata nodeKey) external;

    /// @notice Gives the sender's own validator new keys two heights later.
    /// @param publicKey Ed25519 consensus key, 32 bytes
    /// @param nodeKey Ed25519 node key, 32 bytes
    function rotateOwnKey(bytes calldata publicKey, bytes calldata nodeKey) external;

    /// @notice Lets a validator that was suspended for evidence propose again.
    /// @param organisation organisation name
    function liftSuspension(string calldata organisation) external;

    /// @notice Admits an observer's node key to the peer network.
    /// @param nodeKey Ed25519 node key, 32 bytes
    /// @param name observer's name
    function addObserver(bytes calldata nodeKey, string calldata name) external;

    /// @notice Admits an observer's node key no longer.
    /// @param nodeKey Ed25519 node key, 32 bytes
    function removeObserver(bytes calldata nodeKey) external;

    /// @notice Gives an account a role.
    /// @param role name of the role
    /// @param account who holds it
    function grantRole(string calldata role, address account) external;

    /// @notice Takes a role from an account; a certifier's limits end with it.
    /// @param role name of the role
    /// @param account who holds it
    function revokeRole(string calldata role, address account) external;

    /// @notice Sets how many points of a kind a certifier may certify in one round; 0 for none.
    /// @param account the certifier
    /// @param kind kind of contribution
    /// @param points at most in one round
    function limitCertifier(address account, string calldata kind, uint64 points) external;
}
