// What a program on ethers 6 does with a town; run by tests/integration/test_ethereum_clients.py.
// Arguments: folder of ethers, URL, WebSocket URL, secret key, receiver. Prints JSON.
import { createRequire } from "node:module";

const [folder, url, webSocketUrl, secret, receiver] = process.argv.slice(2);
const { ethers } = createRequire(folder + "/")("ethers");
const TIMEOUT_MS = 30_000;
const TOKEN = "0x0000000000000000000000000000000000000401";

async function codeOf(action) {
  try {
    await action();
  } catch (error) {
    return error.code;
  }
  throw new Error("the node took what it should refuse");
}

const provider = new ethers.JsonRpcProvider(url, undefined, { pollingInterval: 50 });
const wallet = new ethers.Wallet(secret, provider);
const network = await provider.getNetwork();
// Asked in one tick, which ethers sends as one batch.
const [balance, height] = await Promise.all([
  provider.getBalance(wallet.address),
  provider.getBlockNumber(),
]);
const token = new ethers.Contract(
  TOKEN,
  ["event Transfer(address indexed from, address indexed to, uint256 value)"],
  provider,
);
const polledHead = new Promise((resolve) => provider.once("block", resolve));
const polledLog = new Promise((resolve) => provider.once({ address: TOKEN }, resolve));

// As ethers fills it in: nonce, gas, type and price are its own choice.
const sent = await wallet.sendTransaction({ to: receiver, value: ethers.parseEther("1") });
const receipt = await sent.wait(1, TIMEOUT_MS);
const block = await provider.getBlock(receipt.blockNumber, true);
const events = await token.queryFilter(token.filters.Transfer(wallet.address), receipt.blockNumber);
const others = await token.queryFilter(token.filters.Transfer(receiver), receipt.blockNumber);
const used = await provider.getTransactionCount(wallet.address);
const plain = { to: receiver, gasLimit: 21000, gasPrice: 0, chainId: network.chainId };
const errors = [
  await codeOf(() => wallet.sendTransaction({ ...plain, nonce: used - 1, value: 7 })),
  await codeOf(() => wallet.sendTransaction({ ...plain, nonce: used, value: 10n ** 30n })),
  await codeOf(() => wallet.sendTransaction({ to: receiver, value: 10n ** 30n })),
  await codeOf(async () => {
    const other = { ...plain, chainId: network.chainId + 1n, nonce: used, value: 1n };
    await provider.broadcastTransaction(await new ethers.Wallet(secret).signTransaction(other));
  }),
];

const socket = new ethers.WebSocketProvider(webSocketUrl);
const head = new Promise((resolve) => socket.once("block", resolve));
const log = new Promise((resolve) => socket.once({ address: TOKEN }, resolve));
await socket.send("eth_chainId", []);
const second = await wallet.sendTransaction({ to: receiver, value: 1n });
await second.wait(1, TIMEOUT_MS);
const seen = [await head, (await log).transactionHash === second.hash];

console.log(
  JSON.stringify({
    chain_id: Number(network.chainId),
    balance: balance.toString(),
    status: receipt.status,
    in_block: block.prefetchedTransactions.map((item) => item.hash).includes(sent.hash),
    event: [events[0].args[0], events[0].args[1], events[0].args[2].toString()],
    other_topics: others.length,
    batched: typeof height,
    polled: [typeof (await polledHead), (await polledLog).transactionHash === sent.hash],
    errors,
    heads: typeof seen[0],
    logs: [seen[1]],
  }),
);
process.exit(0); // ethers ends its subscriptions in the background and complains when it is stopped
