// What a program on viem 2 does with the system contracts of a governed town; run by
// tests/integration/test_contract_clients.py. Arguments: folder of viem, URL, folder of ABIs, two
// secret keys, receiver. Prints JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, url, abis, citySecret, gistSecret, receiver] = process.argv.slice(2);
const installed = createRequire(folder + "/");
const viem = installed("viem");
const { privateKeyToAccount } = installed("viem/accounts");
const TIMEOUT_MS = 30_000;

const read = (name) => JSON.parse(readFileSync(`${abis}/${name}.json`, "utf8"));
const addresses = read("contracts");
const contract = (name) => ({ address: addresses[name], abi: read(name) });
const [token, governance, distribution] = ["Token", "Governance", "Distribution"].map(contract);
const probe = viem.createPublicClient({ transport: viem.http(url) });
const chain = viem.defineChain({
  id: await probe.getChainId(),
  name: "Poyong",
  nativeCurrency: { name: "Development token", symbol: "BJT", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const options = { chain, pollingInterval: 50, transport: viem.http(url) };
const reader = viem.createPublicClient(options);
const walletOf = (secret) =>
  viem.createWalletClient({ ...options, account: privateKeyToAccount(secret) });
const [city, gist] = [citySecret, gistSecret].map(walletOf);

const view = (of, functionName, args = []) => reader.readContract({ ...of, functionName, args });
async function done(wallet, of, functionName, args) {
  const hash = await wallet.writeContract({ ...of, functionName, args });
  return reader.waitForTransactionReceipt({ hash, timeout: TIMEOUT_MS });
}
async function reasonOf(action) {
  try {
    await action();
  } catch (error) {
    const revert = error.walk((cause) => cause instanceof viem.ContractFunctionRevertedError);
    return [revert ? "CALL_EXCEPTION" : error.name, revert?.reason];
  }
  throw new Error("the node took what it should refuse");
}

const before = await view(token, "balanceOf", [receiver]);
const moved = await done(city, token, "transfer", [receiver, 5n]);
const transfers = await reader.getContractEvents({
  ...token,
  eventName: "Transfer",
  args: { to: receiver },
  fromBlock: moved.blockNumber,
});
const claim = { ...distribution, functionName: "claim", args: ["land"], account: city.account };
const reasons = [
  await reasonOf(() => reader.simulateContract(claim)),
  await reasonOf(() => reader.estimateContractGas(claim)),
];

const opened = new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error("no vote was opened")), TIMEOUT_MS);
  const stop = reader.watchContractEvent({
    ...governance,
    eventName: "Moved",
    onError: reject,
    onLogs: (logs) => {
      const found = logs.find((log) => log.args.after_ === "VOTING");
      if (found === undefined) return;
      clearTimeout(timer);
      stop();
      resolve(Number(found.args.proposal));
    },
  });
});
const data = viem.encodeFunctionData({
  ...governance,
  functionName: "addObserver",
  args: ["0x" + "ab".repeat(32), "school"],
});
const text = viem.keccak256(viem.toHex("text"));
const carried = [{ target: governance.address, data }];
await done(city, governance, "submit", ["An observer", text, 1n, carried]);
await done(gist, governance, "sponsor", [1n]);
const voting = await opened;
const vote = await done(city, governance, "vote", [1n, "yes"]);
const voted = viem.parseEventLogs({ ...governance, eventName: "Voted", logs: vote.logs });
const tally = await view(governance, "getTally", [1n]);

console.log(
  JSON.stringify({
    token: [await view(token, "symbol"), await view(token, "decimals")],
    received: ((await view(token, "balanceOf", [receiver])) - before).toString(),
    transfers: transfers.map((event) => event.args.value.toString()),
    zones: (await view(contract("LandOracle"), "getZones")).length,
    reasons,
    voting,
    voted: voted.map((event) => [event.args.account, event.args.choice]),
    tally: [tally.status, Number(tally.votes[0].chambers[0].yes)],
  }),
);
process.exit(0);
