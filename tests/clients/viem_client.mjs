// What a program on viem 2 does with a town; run by tests/integration/test_ethereum_clients.py.
// Arguments: folder of viem, URL, WebSocket URL, secret key, receiver. Prints JSON.
import { createRequire } from "node:module";

const [folder, url, webSocketUrl, secret, receiver] = process.argv.slice(2);
const installed = createRequire(folder + "/");
const viem = installed("viem");
const account = installed("viem/accounts").privateKeyToAccount(secret);
const TIMEOUT_MS = 30_000;
const TOKEN = "0x0000000000000000000000000000000000000401";
const TRANSFER = viem.parseAbiItem(
  "event Transfer(address indexed from, address indexed to, uint256 value)",
);

async function namesOf(action) {
  try {
    await action();
  } catch (error) {
    const names = [];
    error.walk((cause) => (names.push(cause.name), false));
    return names;
  }
  throw new Error("the node took what it should refuse");
}

function first(watch) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("nothing seen in time")), TIMEOUT_MS);
    const stop = watch((seen) => {
      clearTimeout(timer);
      stop();
      resolve(seen);
    }, reject);
  });
}

const probe = viem.createPublicClient({ transport: viem.http(url) });
const chain = viem.defineChain({
  id: await probe.getChainId(),
  name: "Poyong",
  nativeCurrency: { name: "Development token", symbol: "BJT", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
});
const options = { chain, pollingInterval: 50 };
const reader = viem.createPublicClient({ ...options, transport: viem.http(url, { batch: true }) });
const wallet = viem.createWalletClient({ ...options, account, transport: viem.http(url) });
const [balance, height] = await Promise.all([
  reader.getBalance({ address: account.address }),
  reader.getBlockNumber(),
]);

const heads = first((found, failed) =>
  reader.watchBlockNumber({ onBlockNumber: found, onError: failed, emitOnBegin: false }),
);
const polled = first((found, failed) =>
  reader.watchEvent({ address: TOKEN, event: TRANSFER, onLogs: found, onError: failed }),
);
// As viem fills it in: nonce, gas, type and fees are its own choice.
const sent = await wallet.sendTransaction({ to: receiver, value: viem.parseEther("1") });
const receipt = await reader.waitForTransactionReceipt({ hash: sent, timeout: TIMEOUT_MS });
const block = await reader.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true });
const range = { address: TOKEN, fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
const [event] = await reader.getLogs({ ...range, event: TRANSFER, args: { from: account.address } });
const others = await reader.getLogs({ ...range, event: TRANSFER, args: { from: receiver } });
const used = await reader.getTransactionCount({ address: account.address });
const plain = { to: receiver, gas: 21000n };
const errors = [
  await namesOf(() => wallet.sendTransaction({ ...plain, nonce: used - 1, value: 7n })),
  await namesOf(() => wallet.sendTransaction({ ...plain, nonce: used, value: 10n ** 30n })),
  await namesOf(() => wallet.sendTransaction({ to: receiver, value: 10n ** 30n })),
  await namesOf(() =>
    wallet.sendTransaction({ ...plain, chain: { ...chain, id: chain.id + 1 }, value: 1n }),
  ),
];

const socket = viem.createPublicClient({ ...options, transport: viem.webSocket(webSocketUrl) });
const head = first((found, failed) =>
  socket.watchBlocks({ onBlock: (seen) => found(typeof seen.number), onError: failed }),
);
const log = first((found, failed) =>
  socket.watchEvent({ address: TOKEN, event: TRANSFER, onLogs: found, onError: failed }),
);
await socket.getChainId(); // behind both subscriptions on the same connection
const second = await wallet.sendTransaction({ to: receiver, value: 1n });
const seen = [await head, (await log)[0].transactionHash === second];

console.log(
  JSON.stringify({
    chain_id: chain.id,
    balance: balance.toString(),
    status: receipt.status === "success" ? 1 : 0,
    in_block: block.transactions.map((item) => item.hash).includes(sent),
    event: [event.args.from, event.args.to, event.args.value.toString()],
    other_topics: others.length,
    batched: typeof height,
    polled: [typeof (await heads), (await polled)[0].transactionHash === sent],
    errors,
    heads: seen[0],
    logs: [seen[1]],
  }),
);
process.exit(0); // the socket would keep the program alive
