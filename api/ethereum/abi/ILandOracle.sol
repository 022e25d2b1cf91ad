// SPDX-License-Identifier: Apache-2.0
// Written by python -m node.contract_files from the message registry; not to be edited.
pragma solidity ^0.8.20;

/// @title LandOracle, the system contract at 0x0000000000000000000000000000000000000402
/// @notice Appraisals, rates, sales and certified events of the town's land.
/// @dev It has no code: the node itself answers.
interface ILandOracle {
    struct Zone {
        string zone;
        // 법정동코드, ten digits
        string legalDongCode;
        string nameKo;
        string nameEn;
        // whose official change rate (지가변동률) rolls the value
        string rateRegion;
        // of the list of parcels; zero for none
        bytes32 parcelRoot;
        // in 0.1 m2
        uint256 areaTenthM2;
        // price of round 0
        uint256 baseKrwPerM2;
        // the basis of the clip
        uint256 acceptedKrwPerM2;
        // what the last closed round counted for this zone
        uint256 countedKrwPerM2;
        // accepted at each of the last four anchors
        uint256[] recentKrwPerM2;
        // what only certified events let the price rise so far
        uint256 certifiedKrwPerM2;
        // KRW, decimal
        int256 valueKrw;
        // the last round that was FINAL here; 0: none yet
        uint256 finalRound;
        // the last closed round
        uint256 lastRound;
        // FINAL, NO_VALUE, STALE, DISPERSED, DISPUTED, VOID or PROVISIONAL; null before the first close
        string lastOutcome;
        // coefficient of dispersion of its reports, millionths
        uint256 dispersionPpm;
        // of the newest appraisal; null before it begins, and without one
        string phase;
    }

    struct Report {
        // address with EIP-55 checksum
        address appraiser;
        // PANEL, FURTHER or BLIND
        string seat;
        uint256 priceKrwPerM2;
        uint256 valuationDateMs;
        string method;
        // how many comparable sales it rests on
        uint256 comparables;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        // that carried it
        bytes32 transaction;
    }

    struct Challenge {
        // address with EIP-55 checksum
        address challenger;
        string chamber;
        string ground;
        // 32 bytes as 0x hex
        bytes32 evidenceHash;
        // that carried it
        bytes32 transaction;
        // OPEN, WON, LOST or UNDECIDED
        string verdict;
        // of the blind appraisers; null without any
        uint256 blindMedianKrwPerM2;
    }

    struct Round {
        string zone;
        uint256 round;
        // an appraisal begins at its end
        bool isAnchor;
        uint256 openedMs;
        // nominal end
        uint256 endMs;
        // the town round closes at the latest here
        uint256 deadlineMs;
        uint256 lengthMs;
        // OPEN, or when closed FINAL, NO_VALUE, STALE, DISPERSED, DISPUTED, VOID or PROVISIONAL
        string state;
        // where its appraisal stands; null before it begins
        string phase;
        // when the phase ends, of the last one when it ended
        uint256 phaseDeadlineMs;
        // how long the phase after a committing one lasts, in which reports are revealed
        uint256 revealMs;
        address[] panel;
        // drawn for a re-appraisal
        address[] further;
        // drawn for a dispute
        address[] blind;
        // who has not committed, or not revealed, in this phase
        address[] missing;
        uint256 closedMs;
        // lower median
        uint256 medianKrwPerM2;
        uint256 dispersionPpm;
        // how high the accepted price could go
        uint256 limitKrwPerM2;
        uint256 acceptedKrwPerM2;
        uint256 countedKrwPerM2;
        Report[] reports;
        Challenge challenge;
    }

    struct OpenZone {
        string zone;
        // of the appraisal, as in docs/economy.md
        string phase;
        // of the phase
        uint256 deadlineMs;
        // in the order of seats, as the next two
        address[] panel;
        // drawn for a re-appraisal
        address[] further;
        // drawn for a dispute
        address[] blind;
        // who has not committed, or not revealed, in this phase
        address[] missing;
    }

    struct OpenRound {
        uint256 round;
        bool isAnchor;
        uint256 openedMs;
        uint256 endMs;
        uint256 deadlineMs;
        uint256 lengthMs;
        // empty before the round's end, and without an anchor
        OpenZone[] zones;
    }

    struct RegionUntil {
        // 00 is the nation
        string region;
        // yyyymm, without a gap; null before the first month
        uint256 officialUntil;
    }

    struct TownRound {
        uint256 round;
        // every zone was appraised
        bool isAnchor;
        uint256 closedMs;
        uint256 landIndex;
        // KRW, decimal
        int256 valueKrw;
        uint256 zonesFinal;
        // how many were counted
        uint256 reports;
        // 32 bytes as 0x hex
        bytes32 reportsHash;
    }

    struct LandIndex {
        // 100000 is the base
        uint256 landIndex;
        // KRW, decimal
        int256 valueKrw;
        // KRW, decimal
        int256 baseValueKrw;
        uint256 newestRound;
        uint256 closedRounds;
        // closed rounds with every zone FINAL
        uint256 roundsFinal;
        OpenRound[] openRounds;
        // empty on a chain that takes no official rates
        RegionUntil[] rates;
        // the newest 256 closed ones
        TownRound[] rounds;
    }

    struct ListedRound {
        uint256 round;
        // every zone was appraised
        bool isAnchor;
        uint256 closedMs;
        uint256 landIndex;
        // KRW, decimal
        int256 valueKrw;
        uint256 zonesFinal;
        // how many were counted
        uint256 reports;
        // 32 bytes as 0x hex
        bytes32 reportsHash;
        // false while the ratio gate holds recognition back
        bool recognitionOpen;
        // L; null also in mode NET without official rates
        int256 liveKrw;
        // S; null also before W anchors and between anchors
        int256 lastingKrw;
        // R
        int256 recognisedKrw;
        // E
        uint256 entitlement;
        uint256 ceiling;
        uint256 cover;
        // in this round
        uint256 minted;
        // after the mint, with the genesis allocation
        uint256 issued;
        // since genesis, up to this round
        uint256 burned;
        // after the mint
        uint256 outstanding;
        // cover over what was outstanding before the mint; null when nothing was
        uint256 coverageBps;
        // GROSS or NET
        string mode;
    }

    struct RateReport {
        // address with EIP-55 checksum
        address reporter;
        // 100000 + the rate in 0.001 %
        uint256 indexStep;
        // 32 bytes as 0x hex
        bytes32 gazetteHash;
        // that carried it
        bytes32 transaction;
    }

    struct RateCorrection {
        uint256 indexStepBefore;
        uint256 indexStepAfter;
        // of the gazette that carries the right rate
        bytes32 gazetteHash;
        // block time at which it was carried out
        uint256 timeMs;
        // of what the proposal carried
        bytes32 contentHash;
    }

    struct RateMonth {
        // yyyymm
        uint256 month;
        // 100000 + the rate in 0.001 %; null until two reports agree
        uint256 indexStep;
        // after the month; null until every month before is official
        uint256 index;
        RateReport[] reports;
        // oldest first
        RateCorrection[] corrections;
    }

    struct RegionRates {
        // 00 is the nation
        string region;
        // yyyymm, without a gap; null before the first month
        uint256 officialUntil;
        // at the end of that month
        uint256 index;
        // the newest 240 official ones, in order
        RateMonth[] months;
        // later months with a report
        RateMonth[] waiting;
    }

    struct Rates {
        // yyyymm of the chain's month 1; null: it takes no rates
        uint256 firstMonth;
        // empty for a region that the chain does not have
        RegionRates[] regions;
    }

    struct ZoneEvent {
        // site works, completion or change of use
        string stage;
        // how far the accepted price may rise
        uint256 factorBps;
        // taken off the uplift
        int256 costKrw;
        // when it was certified
        uint256 acceptedKrwPerM2;
        // accepted * factor_bps // 10000
        uint256 limitKrwPerM2;
        // the first round in which it is in force
        uint256 fromRound;
        // the last one; the cost counts for good
        uint256 lastRound;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        // that certified it
        bytes32 transaction;
    }

    struct Sale {
        string zone;
        // 필지고유번호, 19 digits
        string pnu;
        // yyyymm
        uint256 soldMonth;
        uint256 priceKrwPerM2;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        // that registered it
        bytes32 transaction;
    }

    struct StruckSale {
        string zone;
        // 필지고유번호, 19 digits
        string pnu;
        // yyyymm
        uint256 soldMonth;
        uint256 priceKrwPerM2;
        // 32 bytes as 0x hex
        bytes32 documentHash;
        // that registered it
        bytes32 transaction;
        string reason;
        // the transaction that struck it
        bytes32 struckBy;
    }

    struct Sales {
        uint256 round;
        // yyyymm; null on a chain without official rates
        uint256 firstMonth;
        uint256 lastMonth;
        // sales on record, of all months, struck ones included
        uint256 kept;
        // that the study counts, oldest first
        Sale[] sales;
        // of the same months
        StruckSale[] struck;
    }

    struct Seated {
        uint256 round;
        string zone;
        // PANEL, FURTHER or BLIND
        string seat;
    }

    struct Appraiser {
        // address with EIP-55 checksum
        address account;
        // the chamber that nominated
        string nominator;
        // of the licence document; zero for those whom genesis names
        bytes32 licenceHash;
        // when the licence expires; null: never
        uint256 validUntilMs;
        bool suspended;
        // rounds with a report far outside the others, of the last four
        uint256[] outliers;
        // zones on whose panel of the running term the appraiser sits
        string[] panels;
        Seated[] seats;
    }

    struct Appraisers {
        // the running one, four rounds long
        uint256 term;
        Appraiser[] appraisers;
    }

    /// @notice On the record as land.aggregated.
    event Aggregated(string zone, uint256 indexed round, uint256 reports, uint256 medianKrwPerM2, uint256 dispersionPpm, uint256 lowestKrwPerM2, uint256 highestKrwPerM2, uint256 tooWide);

    /// @notice On the record as land.appraisal_begun.
    event AppraisalBegun(string zone, uint256 indexed round, string phase, uint256 deadlineMs, address[] panel, uint256 minReports);

    /// @notice On the record as land.appraiser_registered.
    event AppraiserRegistered(address indexed appraiser, string nominator, bytes32 licenceHash, uint256 validUntilMs);

    /// @notice On the record as land.appraiser_removed.
    event AppraiserRemoved(address indexed appraiser, string reason);

    /// @notice On the record as land.appraiser_suspended.
    event AppraiserSuspended(address indexed appraiser, uint256 indexed round);

    /// @notice On the record as land.appraisers_drawn.
    event AppraisersDrawn(string zone, uint256 indexed round, string purpose, bytes32 mark, uint256 seats, address[] members);

    /// @notice On the record as land.challenge_settled.
    event ChallengeSettled(string zone, uint256 indexed round, string verdict, uint256 medianKrwPerM2, uint256 blindReports, uint256 blindMedianKrwPerM2);

    /// @notice On the record as land.challenged.
    event Challenged(string zone, uint256 indexed round, address indexed challenger, string chamber, string ground, bytes32 evidenceHash, uint256 medianKrwPerM2);

    /// @notice On the record as land.challenger_barred.
    event ChallengerBarred(address indexed challenger, uint256 untilCalendarMs, uint256 lost);

    /// @notice On the record as land.committed.
    event Committed(string zone, uint256 indexed round, address indexed appraiser, string seat, bytes32 commitment);

    /// @notice On the record as land.event_certified.
    event EventCertified(string zone, string stage, uint256 factorBps, uint256 costKrw, bytes32 documentHash, uint256 acceptedKrwPerM2, uint256 limitKrwPerM2, uint256 fromRound, uint256 lastRound);

    /// @notice On the record as land.index_moved.
    event IndexMoved(string region, uint256 month, uint256 indexBefore, uint256 indexStep, uint256 index);

    /// @notice On the record as land.nominated.
    event Nominated(string chamber, string zone, uint256 term, address indexed appraiser);

    /// @notice On the record as land.outlier.
    event Outlier(address indexed appraiser, uint256 indexed round, uint256 recent);

    /// @notice On the record as land.panel_seated.
    event PanelSeated(uint256 zoneNumber, uint256 term, uint256 indexed round, address[] members, bytes32 seed);

    /// @notice On the record as land.parameter_changed.
    event ParameterChanged(string parameter, uint256 before, uint256 after_, uint256 fromRound);

    /// @notice On the record as land.phase_ended.
    event PhaseEnded(string zone, uint256 indexed round, string phase, uint256 committed, uint256 revealed, string reason, string nextPhase, uint256 deadlineMs);

    /// @notice On the record as land.rate_corrected.
    event RateCorrected(string region, uint256 month, uint256 indexStepBefore, uint256 indexStep, bytes32 gazetteHash, uint256 months, uint256 indexBefore, uint256 index);

    /// @notice On the record as land.rate_official.
    event RateOfficial(string region, uint256 month, uint256 indexStep, address[] reporters);

    /// @notice On the record as land.rate_reported.
    event RateReported(string region, uint256 month, uint256 indexStep, address indexed reporter, bytes32 gazetteHash, uint256 reports);

    /// @notice On the record as land.ratio_study.
    event RatioStudy(uint256 indexed round, uint256 sales, uint256 medianRatioPpm, uint256 lowerBoundPpm, uint256 codPpm, uint256 prdPpm, uint256 isOpen);

    /// @notice On the record as land.report_withheld.
    event ReportWithheld(string zone, uint256 indexed round, address indexed appraiser);

    /// @notice On the record as land.revealed.
    event Revealed(string zone, uint256 indexed round, address indexed appraiser, string seat, uint256 priceKrwPerM2, uint256 valuationDateMs, string method, uint256 comparables, bytes32 documentHash);

    /// @notice On the record as land.round_opened.
    event RoundOpened(uint256 indexed round, uint256 isAnchor, uint256 openedMs, uint256 endMs, uint256 deadlineMs);

    /// @notice On the record as land.sale_registered.
    event SaleRegistered(string zone, string pnu, uint256 priceKrwPerM2, uint256 soldMonth, address indexed registrar, bytes32 documentHash);

    /// @notice On the record as land.sale_struck.
    event SaleStruck(string zone, string pnu, uint256 priceKrwPerM2, uint256 soldMonth, string reason);

    /// @notice On the record as land.salt_committed.
    event SaltCommitted(string chamber, uint256 term, bytes32 commitment);

    /// @notice On the record as land.salt_revealed.
    event SaltRevealed(string chamber, uint256 term, bytes32 salt);

    /// @notice On the record as land.salt_withheld.
    event SaltWithheld(uint256 term, string chamber);

    /// @notice On the record as land.schedule_held.
    event ScheduleHeld(uint256 heldMs, string reason);

    /// @notice On the record as land.town_round_closed.
    event TownRoundClosed(uint256 indexed round, uint256 isAnchor, uint256 zonesFinal, uint256 reports, bytes32 reportsHash, uint256 valueKrw, uint256 costsKrw, uint256 certifiedKrw, uint256 normalGrowthKrw, uint256 recognitionOpen, uint256 elapsedMs, uint256 lengthMs);

    /// @notice On the record as land.zone_round_closed.
    event ZoneRoundClosed(string zone, uint256 indexed round, string outcome, uint256 reports, uint256 medianKrwPerM2, uint256 dispersionPpm, uint256 lastKrwPerM2, uint256 clipKrwPerM2, uint256 highestKrwPerM2, uint256 limitKrwPerM2, uint256 acceptedKrwPerM2, uint256 rateAfter, uint256 rateBefore, uint256 lastCountedKrwPerM2, uint256 countedKrwPerM2, uint256 certifiedKrwPerM2, bytes32 reportsDigest);

    /// @notice Every zone of the district: area, base price, accepted price, how its last round ended.
    function getZones() external view returns (Zone[] memory);

    /// @notice An appraisal round of a zone: phase and seats, who is missing, every report, the median, a challenge, and what was accepted. Null for an unknown zone or round.
    /// @param zone Zone id, as poyong_getZones gives it.
    /// @param number Number; by default of the newest whose appraisal began. Zero or empty for the default.
    function getRound(string calldata zone, uint64 number) external view returns (Round memory);

    /// @notice The town's land index now, where 100000 is the base, and at each closed town round, and whose commitments and reveals the open rounds still wait for.
    function getLandIndex() external view returns (LandIndex memory);

    /// @notice Closed town rounds in order, each with what issuance made of it: L, S, R, E, ceiling, cover, mint, issued, burned, outstanding. Fewer than asked for at the end of the list.
    /// @param first Number of the first one, from 1.
    /// @param count How many, at most.
    function listRounds(uint64 first, uint64 count) external view returns (ListedRound[] memory);

    /// @notice Official land-price change rates (지가변동률) of each region and the index that they make, month by month, and the reports that wait for a second one.
    /// @param region Only this one; 00 is the nation. By default all. Zero or empty for the default.
    function getRates(string calldata region) external view returns (Rates memory);

    /// @notice Certified land-use events of a zone: how far each lets the price rise, in which rounds, and what it cost. Null for an unknown zone.
    /// @param zone Zone id, as poyong_getZones gives it.
    function getZoneEvents(string calldata zone) external view returns (ZoneEvent[] memory);

    /// @notice Arm's-length sales that a round's ratio study counts, and those that were struck from its months. Null for a round that has not opened.
    /// @param round Whose study; by default of the newest round that opened. Zero or empty for the default.
    function getSales(uint64 round) external view returns (Sales memory);

    /// @notice The registry of appraisers: who nominated each, until when the licence is valid, who is suspended, and in which seats each is now.
    function getAppraisers() external view returns (Appraisers memory);

    /// @notice Binds an appraiser to a report of a zone that is revealed later; one for each zone and round.
    /// @param zone id of the zone
    /// @param round number of the town round, from 1
    /// @param commitment commitment_of (tokenomics.oracle.reports) the report and a salt
    function commit(string calldata zone, uint64 round, bytes32 commitment) external;

    /// @notice Opens the report that an appraiser committed to.
    /// @param zone id of the zone
    /// @param round number of the town round, from 1
    /// @param priceKrwPerM2 appraised land price
    /// @param valuationDateMs block time within the round that the value is of
    /// @param method appraisal method, for example comparison
    /// @param comparables number of comparable sales used
    /// @param documentHash SHA-256 of the appraisal document
    /// @param salt the 32 bytes that the commitment was salted with
    function reveal(string calldata zone, uint64 round, uint64 priceKrwPerM2, uint64 valuationDateMs, string calldata method, uint64 comparables, bytes32 documentHash, bytes32 salt) external;

    /// @notice Challenges the value of a zone that stands for it; three blind appraisers then decide.
    /// @param zone id of the zone
    /// @param round number of the town round
    /// @param chamber the chamber that the sender acts for
    /// @param ground one of comparables, parcel_data, method, clerical_error, conflict_of_interest
    /// @param evidenceHash SHA-256 of the evidence
    function challenge(string calldata zone, uint64 round, string calldata chamber, string calldata ground, bytes32 evidenceHash) external;

    /// @notice Registers an appraiser, or renews a licence; a suspension ends with it.
    /// @param account the appraiser's account
    /// @param nominator the chamber that nominates: chamber.land, chamber.public, chamber.landowners
    /// @param licenceHash SHA-256 of the licence document
    /// @param validUntilMs when the licence expires, ms since 1970
    function registerAppraiser(address account, string calldata nominator, bytes32 licenceHash, uint64 validUntilMs) external;

    /// @notice Takes an appraiser off the registry; seats of theirs are drawn anew from the next round on.
    /// @param account the appraiser's account
    /// @param reason why, for the record
    function removeAppraiser(address account, string calldata reason) external;

    /// @notice Names whom a chamber wants on a zone's panel in a coming term.
    /// @param chamber the chamber
    /// @param zone the zone's id
    /// @param term from 1; four rounds each
    /// @param appraiser somebody whom the chamber nominated for the registry
    function nominate(string calldata chamber, string calldata zone, uint64 term, address appraiser) external;

    /// @notice Commits a chamber to its salt for the lots of a coming term.
    /// @param chamber the chamber
    /// @param term from 2; four rounds each
    /// @param commitment lots.salt_commitment
    function commitSalt(string calldata chamber, uint64 term, bytes32 commitment) external;

    /// @notice Reveals a chamber's salt in the last round before the term.
    /// @param chamber the chamber
    /// @param term from 2; four rounds each
    /// @param salt 32 bytes
    function revealSalt(string calldata chamber, uint64 term, bytes32 salt) external;

    /// @notice Reports a region's official land-price change rate of a month; two equal reports make it official.
    /// @param region the region; 00 is the nation
    /// @param month yyyymm
    /// @param indexStep 100000 + the rate in 0.001 %
    /// @param gazetteHash SHA-256 of the gazette that carries the rate
    function reportRate(string calldata region, uint64 month, uint64 indexStep, bytes32 gazetteHash) external;

    /// @notice Corrects an official rate, and the index from its month on; it stands for a vote of governance.
    /// @param region the region; 00 is the nation
    /// @param month yyyymm
    /// @param indexStep the right one: 100000 + the rate in 0.001 %
    /// @param gazetteHash SHA-256 of the gazette that carries the right rate
    function correctRate(string calldata region, uint64 month, uint64 indexStep, bytes32 gazetteHash) external;

    /// @notice Certifies a land-use event of a zone, one for each stage; stands for a vote of governance.
    /// @param zone id of the zone
    /// @param stage site works, completion, change of use
    /// @param factorBps how far the accepted price may rise, 10001..30000
    /// @param costKrw approved or planned development cost, KRW
    /// @param documentHash SHA-256 of the approval
    function certifyEvent(string calldata zone, string calldata stage, uint64 factorBps, uint256 costKrw, bytes32 documentHash) external;

    /// @notice Registers an arm's-length sale for the ratio gate; one for each parcel and month.
    /// @param zone id of the zone
    /// @param pnu the parcel, 19 digits (필지고유번호)
    /// @param priceKrwPerM2 price of the land
    /// @param soldMonth yyyymm
    /// @param documentHash SHA-256 of the contract or the official record
    function registerSale(string calldata zone, string calldata pnu, uint64 priceKrwPerM2, uint64 soldMonth, bytes32 documentHash) external;

    /// @notice Strikes a wrong sale from the study; it stands for a vote of governance.
    /// @param zone id of the zone
    /// @param pnu the parcel, 19 digits (필지고유번호)
    /// @param soldMonth yyyymm
    /// @param reason why, for the record
    function strikeSale(string calldata zone, string calldata pnu, uint64 soldMonth, string calldata reason) external;

    /// @notice Changes one parameter, in force from the next round that opens on; only carried out by a vote.
    /// @param name name of the parameter
    /// @param value the new value, in the parameter's unit
    function setParameter(string calldata name, uint256 value) external;
}
