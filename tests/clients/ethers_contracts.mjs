// What a program on ethers 6 does with the system contracts of a governed town; run by
// tests/integration/test_contract_clients.py. Arguments: folder of ethers, URL, folder of ABIs, two
// secret keys, receiver. Prints JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, url, abis, citySecret, gistSecret, receiver] = process.argv.slice(2);
const { ethers } = createRequire(folder + "/")("ethers");
const TIMEOUT_MS = 30_000;

// ethers repeats an answer for 250 ms, in which a nonce may have been used here.
const options = { pollingInterval: 50, cacheTimeout: -1 };
const provider = new ethers.JsonRpcProvider(url, undefined, options);
const city = new ethers.Wallet(citySecret, provider);
const gist = new ethers.Wallet(gistSecret, provider);
const read = (name) => JSON.parse(readFileSync(`${abis}/${name}.json`, "utf8"));
const addresses = read("contracts");
const contract = (name, runner = city) => new ethers.Contract(addresses[name], read(name), runner);
const done = async (sent) => (await sent).wait(1, TIMEOUT_MS);

const token = contract("Token");
const before = await token.balanceOf(receiver);
const moved = await done(token.transfer(receiver, 5n));
const transfers = await token.queryFilter(
  token.filters.Transfer(city.address, receiver),
  moved.blockNumber,
);

const distribution = contract("Distribution");
const reasonOf = async (action) => {
  try {
    await action();
  } catch (error) {
    return [error.code, error.reason];
  }
  throw new Error("the node took what it should refuse");
};
const reasons = [
  await reasonOf(() => distribution.claim.staticCall("land")),
  await reasonOf(() => distribution.claim("land")),
];

const governance = contract("Governance");
const carried = {
  target: addresses.Governance,
  data: governance.interface.encodeFunctionData("addObserver", ["0x" + "ab".repeat(32), "school"]),
};
const opened = new Promise((resolve) => {
  governance.on("Moved", (proposal, _, after) => after === "VOTING" && resolve(Number(proposal)));
});
await done(governance.submit("An observer", ethers.id("text"), 1n, [carried]));
await done(contract("Governance", gist).sponsor(1n));
const voting = await opened;
await governance.removeAllListeners();
const vote = await done(governance.vote(1n, "yes"));
const voted = await governance.queryFilter(governance.filters.Voted(1n), vote.blockNumber);
const tally = await governance.getTally(1n);

console.log(
  JSON.stringify({
    token: [await token.symbol(), Number(await token.decimals())],
    received: ((await token.balanceOf(receiver)) - before).toString(),
    transfers: transfers.map((event) => event.args.value.toString()),
    zones: (await contract("LandOracle").getZones()).length,
    reasons,
    voting,
    voted: voted.map((event) => [event.args.account, event.args.choice]),
    tally: [tally.status, Number(tally.votes[0].chambers[0].yes)],
    carried: (await governance.getProposal(1n)).messages.map((message) => message[0]),
  }),
);
process.exit(0);
