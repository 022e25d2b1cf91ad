// Compiles the Solidity interfaces; run by tests/integration/test_contract_clients.py. Arguments:
// folder of solc, folder of the interfaces. Prints JSON: errors and warnings, and the ABI of each.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, interfaces] = process.argv.slice(2);
const solc = createRequire(folder + "/")("solc");
const names = readdirSync(interfaces).filter((name) => name.endsWith(".sol"));
const content = (name) => readFileSync(`${interfaces}/${name}`, "utf8");
const sources = Object.fromEntries(names.map((name) => [name, { content: content(name) }]));
const settings = { outputSelection: { "*": { "*": ["abi"] } } };
const asked = { language: "Solidity", sources, settings };
const found = JSON.parse(solc.compile(JSON.stringify(asked)));
const withoutInternalTypes = (key, value) => (key === "internalType" ? undefined : value);
console.log(
  JSON.stringify(
    {
      errors: (found.errors ?? []).map((error) => error.formattedMessage),
      abis: Object.fromEntries(
        Object.values(found.contracts ?? {}).flatMap((file) =>
          Object.entries(file).map(([name, contract]) => [name, contract.abi]),
        ),
      ),
    },
    withoutInternalTypes,
  ),
);
