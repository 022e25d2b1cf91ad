// How long ethers 6 waits for a transaction, with its own polling interval of four seconds.
// Arguments: folder of ethers, URL, signed transaction. Prints JSON.
import { createRequire } from "node:module";

const [folder, url, raw] = process.argv.slice(2);
const { ethers } = createRequire(folder + "/")("ethers");
const TIMEOUT_MS = 3_000;

const provider = new ethers.JsonRpcProvider(url);
const sent = await provider.broadcastTransaction(raw);
const receipt = await sent.wait(1, TIMEOUT_MS);
console.log(JSON.stringify({ status: receipt.status, block: receipt.blockNumber }));
process.exit(0); // ethers polls on in the background
