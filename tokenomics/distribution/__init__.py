"""Who receives what was minted: pools, shares, certificates, vesting, reserve and claims."""
