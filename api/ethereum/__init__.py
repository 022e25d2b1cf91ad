"""The JSON-RPC of Ethereum's wallets and libraries over a Poyong node: eth_, net_ and web3_.

Nothing here has state of the chain; what it shows differs from poyong_ in form alone. Fields keep
to the Ethereum execution API specification. Pages: docs/ethereum.md, docs/json-rpc.md.
"""
