// SPDX-License-Identifier: Apache-2.0
// Written by python -m node.contract_files from the message registry; not to be edited.
pragma solidity ^0.8.20;

/// @title Organisations, the system contract at 0x0000000000000000000000000000000000000406
/// @notice Organisations, credentials, roles, agreements, legal bases and upgrades.
/// @dev It has no code: the node itself answers.
interface IOrganisations {
    struct ChamberSeats {
        string chamber;
        string nameKo;
        string nameEn;
        // institutional or persons
        string kind;
        // of 100
        uint256 weight;
        uint256 members;
        // with fewer it is vacant
        uint256 minMembers;
        bool vacant;
        // ids; empty in a persons' chamber
        string[] organisations;
    }

    struct Membership {
        string chamber;
        uint256 began;
        // null while it lasts
        uint256 ended;
    }

    struct Organisation {
        string id;
        string nameKo;
        string nameEn;
        string chamber;
        // address with EIP-55 checksum
        address account;
        bytes validatorKey;
        bytes nodeKey;
        // node keys
        bytes[] observers;
        string status;
        // for its status; empty without one
        string reason;
        uint256 registeredMs;
        uint256 changedMs;
        Membership[] memberships;
    }

    struct PersonRecord {
        uint256 credential;
        // address with EIP-55 checksum
        address account;
        string chamber;
        // to the registrar's record, with a salt
        bytes32 commitment;
        // address with EIP-55 checksum
        address registrar;
        uint256 grantedMs;
        bool inForce;
        uint256 revokedMs;
        // why it was revoked
        string reason;
        Membership[] memberships;
        // the new account, while a lost key is replaced
        address movingTo;
        // when that takes effect
        uint256 movingMs;
        // its number, for an objection
        uint256 rebinding;
    }

    struct RoleHolders {
        string role;
        address[] holders;
    }

    struct AgreementParty {
        // address with EIP-55 checksum
        address account;
        uint256 signedMs;
        bytes32 transaction;
    }

    struct Agreement {
        // its number
        uint256 agreement;
        string title;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        string status;
        // address with EIP-55 checksum
        address openedBy;
        uint256 openedMs;
        address endedBy;
        uint256 endedMs;
        AgreementParty[] parties;
    }

    struct LegalBasisChange {
        string status;
        // SHA-256 of the promulgation
        bytes32 gazetteHash;
        uint256 timeMs;
    }

    struct LegalBasis {
        // its number in proposals
        uint256 basis;
        string kind;
        string issuer;
        string number;
        string article;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        string status;
        LegalBasisChange[] history;
    }

    /// @notice On the record as stakeholders.agreement_effective.
    event AgreementEffective(uint256 indexed agreement, bytes32 documentHash);

    /// @notice On the record as stakeholders.agreement_opened.
    event AgreementOpened(uint256 indexed agreement, string title, bytes32 documentHash, uint256 parties, address indexed openedBy);

    /// @notice On the record as stakeholders.agreement_signed.
    event AgreementSigned(uint256 indexed agreement, address indexed party, uint256 signed, uint256 parties);

    /// @notice On the record as stakeholders.agreement_withdrawn.
    event AgreementWithdrawn(uint256 indexed agreement, address indexed withdrawnBy);

    /// @notice On the record as stakeholders.certifier_limited.
    event CertifierLimited(address indexed account, string kind, uint256 pointsBefore, uint256 points);

    /// @notice On the record as stakeholders.credential_granted.
    event CredentialGranted(uint256 indexed credential, address indexed account, string chamber, bytes32 commitment, address indexed registrar, uint256 members);

    /// @notice On the record as stakeholders.credential_revoked.
    event CredentialRevoked(uint256 indexed credential, address indexed account, string chamber, string reason, address indexed registrar, uint256 members);

    /// @notice On the record as stakeholders.legal_basis_registered.
    event LegalBasisRegistered(uint256 indexed basis, string kind, string issuer, string number, string article, bytes32 documentHash, bytes32 gazetteHash);

    /// @notice On the record as stakeholders.legal_basis_status.
    event LegalBasisStatus(uint256 indexed basis, string status, bytes32 gazetteHash);

    /// @notice On the record as stakeholders.organisation_changed.
    event OrganisationChanged(string organisation, string nameKo, string nameEn, string chamber, string chamberBefore);

    /// @notice On the record as stakeholders.organisation_registered.
    event OrganisationRegistered(string organisation, string nameKo, string nameEn, string chamber, address indexed account);

    /// @notice On the record as stakeholders.organisation_status.
    event OrganisationStatus(string organisation, string status, string chamber, string reason);

    /// @notice On the record as stakeholders.rebinding_objected.
    event RebindingObjected(uint256 indexed rebinding, address indexed old, address indexed new_);

    /// @notice On the record as stakeholders.rebinding_proposed.
    event RebindingProposed(uint256 indexed rebinding, address indexed old, address indexed new_, address registrar, bytes32 evidenceHash, uint256 dueMs);

    /// @notice On the record as stakeholders.rebinding_refused.
    event RebindingRefused(uint256 indexed rebinding, address indexed old, address indexed new_, string reason);

    /// @notice On the record as stakeholders.rebinding_withdrawn.
    event RebindingWithdrawn(uint256 indexed rebinding, address indexed old, address indexed new_, address registrar);

    /// @notice On the record as stakeholders.rebound.
    event Rebound(uint256 indexed rebinding, address indexed old, address indexed new_);

    /// @notice On the record as stakeholders.role_granted.
    event RoleGranted(uint256 indexed grant, string role, address indexed account, uint256 holders);

    /// @notice On the record as stakeholders.role_revoked.
    event RoleRevoked(uint256 indexed grant, string role, address indexed account, uint256 holders, string reason);

    /// @notice On the record as stakeholders.upgrade_cancelled.
    event UpgradeCancelled(string upgrade, uint256 height);

    /// @notice On the record as stakeholders.upgrade_executed.
    event UpgradeExecuted(string upgrade, uint256 height, string fromVersion, string belowVersion, bytes32 artefactHash);

    /// @notice On the record as stakeholders.upgrade_scheduled.
    event UpgradeScheduled(string upgrade, uint256 height, string fromVersion, string belowVersion, bytes32 artefactHash);

    /// @notice On the record as threshold.rotated.
    event Rotated(address indexed account, uint256 threshold, uint256 members);

    /// @notice The six chambers: weight, members, organisations, and whether one is vacant. Empty on a chain where nobody was ever seated.
    function getChambers() external view returns (ChamberSeats[] memory);

    /// @notice Organisations by id, whatever their status, with keys and the history of their seats.
    /// @param after_ Only ids above, by default all: the last one of a page. Zero or empty for the default.
    /// @param count How many, at most. Zero or empty for the default.
    function listOrganisations(string calldata after_, uint64 count) external view returns (Organisation[] memory);

    /// @notice The public record of the credential that an account holds; the chain knows no more of a person, and lists none. Null for an account without one.
    /// @param account The account that the person votes with.
    function getPerson(address account) external view returns (PersonRecord memory);

    /// @notice Who holds each role now. Empty for a name that is no role.
    /// @param role Only this one. By default all. Zero or empty for the default.
    function getRoles(string calldata role) external view returns (RoleHolders[] memory);

    /// @notice Agreements in order, each with its parties, and who of them signed in which transaction.
    /// @param after_ Only numbers above, by default all. Zero or empty for the default.
    /// @param count How many, at most. Zero or empty for the default.
    function listAgreements(uint64 after_, uint64 count) external view returns (Agreement[] memory);

    /// @notice Acts, ordinances and special provisions in order, with each change of their status. Proposals of classes C and D execute only while their basis is in force.
    /// @param after_ Only numbers above, by default all. Zero or empty for the default.
    /// @param count How many, at most. Zero or empty for the default.
    function listLegalBases(uint64 after_, uint64 count) external view returns (LegalBasis[] memory);

    /// @notice Registers an organisation and seats it in its chamber.
    /// @param id short name, a-z, 0-9 and -
    /// @param nameKo name in Korean
    /// @param nameEn name in English
    /// @param chamber one of chamber.public, chamber.academia, chamber.land, chamber.builders
    /// @param account its threshold account
    /// @param validatorKey consensus key, empty for none
    /// @param nodeKey node key of its validator, empty for none
    /// @param observers node keys of its observers
    function registerOrganisation(string calldata id, string calldata nameKo, string calldata nameEn, string calldata chamber, address account, bytes calldata validatorKey, bytes calldata nodeKey, bytes[] calldata observers) external;

    /// @notice Changes names, chamber and node keys of an organisation.
    /// @param id short name, a-z, 0-9 and -
    /// @param nameKo name in Korean
    /// @param nameEn name in English
    /// @param chamber one of chamber.public, chamber.academia, chamber.land, chamber.builders
    /// @param validatorKey consensus key, empty for none
    /// @param nodeKey node key of its validator, empty for none
    /// @param observers node keys of its observers
    function changeOrganisation(string calldata id, string calldata nameKo, string calldata nameEn, string calldata chamber, bytes calldata validatorKey, bytes calldata nodeKey, bytes[] calldata observers) external;

    /// @notice Takes an organisation's seat until it is reinstated.
    /// @param id short name, a-z, 0-9 and -
    /// @param reason why, for the record
    function suspendOrganisation(string calldata id, string calldata reason) external;

    /// @notice Gives a suspended organisation its seat back.
    /// @param id short name, a-z, 0-9 and -
    function reinstateOrganisation(string calldata id) external;

    /// @notice Removes an organisation for ever; its record stays.
    /// @param id short name, a-z, 0-9 and -
    /// @param reason why, for the record
    function removeOrganisation(string calldata id, string calldata reason) external;

    /// @notice Gives a person a seat in one persons' chamber.
    /// @param account the person's account
    /// @param chamber one of chamber.participants, chamber.landowners
    /// @param commitment salted hash of the record, which stays off chain
    /// @param nullifier HMAC of who the person is under the registrars' key
    function grantCredential(address account, string calldata chamber, bytes32 commitment, bytes32 nullifier) external;

    /// @notice Ends a person's seat.
    /// @param account the person's account
    /// @param reason 1 no longer entitled, 2 asked for, 3 granted in error
    function revokeCredential(address account, uint64 reason) external;

    /// @notice Proposes another account for a person whose key is lost.
    /// @param old the account whose key is lost
    /// @param new_ an account that never belonged to a member
    /// @param evidenceHash SHA-256 of the registrar's file on the case
    function proposeRebinding(address old, address new_, bytes32 evidenceHash) external;

    /// @notice Stops the move away from the sender's account.
    /// @param rebinding number of the re-binding
    function objectRebinding(uint64 rebinding) external;

    /// @notice A registrar takes a proposed account back.
    /// @param rebinding number of the re-binding
    function withdrawRebinding(uint64 rebinding) external;

    /// @notice Gives an account a role.
    /// @param role one of rate_reporter, sales_registrar, certifier, merchant
    /// @param account who holds it
    function grantRole(string calldata role, address account) external;

    /// @notice Takes a role from an account; a certifier's limits end with it.
    /// @param role one of rate_reporter, sales_registrar, certifier, merchant
    /// @param account who holds it
    /// @param reason why, for the record
    function revokeRole(string calldata role, address account, string calldata reason) external;

    /// @notice Makes an account a registrar of persons.
    /// @param account the registrar's account
    function appointRegistrar(address account) external;

    /// @notice Ends the office of a registrar of persons; credentials that were granted stand.
    /// @param account the registrar's account
    /// @param reason why, for the record
    function dismissRegistrar(address account, string calldata reason) external;

    /// @notice Sets how many points of a kind a certifier may certify in one round; 0 for none.
    /// @param account the certifier
    /// @param kind kind of contribution
    /// @param points at most in one round
    function limitCertifier(address account, string calldata kind, uint64 points) external;

    /// @notice Registers an act, ordinance or special provision that is in force.
    /// @param kind one of act, ordinance, special provision
    /// @param issuer who issued it
    /// @param number its number
    /// @param article article that is cited
    /// @param documentHash SHA-256 of its text
    /// @param gazetteHash SHA-256 of the gazette that published it
    function registerLegalBasis(string calldata kind, string calldata issuer, string calldata number, string calldata article, bytes32 documentHash, bytes32 gazetteHash) external;

    /// @notice Suspends, revokes or puts back in force what decisions rest on.
    /// @param basis id of the legal basis
    /// @param status one of in force, suspended, revoked
    /// @param gazetteHash SHA-256 of the gazette that published it
    function setLegalBasisStatus(uint64 basis, string calldata status, bytes32 gazetteHash) external;

    /// @notice Puts an agreement on record for its parties to sign; a sender who is a party signs with it.
    /// @param title what it is about, without personal data
    /// @param documentHash SHA-256 of its text
    /// @param parties accounts that have to sign
    function openAgreement(string calldata title, bytes32 documentHash, address[] calldata parties) external;

    /// @notice Signs an agreement that names the sender.
    /// @param agreement number of the agreement
    function signAgreement(uint64 agreement) external;

    /// @notice Ends an agreement that is not effective yet; by a party, or by who opened it.
    /// @param agreement number of the agreement
    function withdrawAgreement(uint64 agreement) external;

    /// @notice From a height on blocks need a version of the software.
    /// @param name name of the upgrade
    /// @param height first block that needs it
    /// @param fromVersion lowest version, as 1.2.3
    /// @param belowVersion first version that will not do
    /// @param artefactHash SHA-256 of the release
    function scheduleUpgrade(string calldata name, uint64 height, string calldata fromVersion, string calldata belowVersion, bytes32 artefactHash) external;

    /// @notice Takes a scheduled upgrade off the plan.
    /// @param name name of the upgrade
    function cancelUpgrade(string calldata name) external;
}
