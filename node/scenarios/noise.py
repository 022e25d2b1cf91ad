"""By how much appraisers miss a price: seeded, so that a run can be repeated."""

from typing import Final

from ledger.crypto import sha256

MAX_DEVIATION_PPM: Final = 20_000
DEFAULT_SEED: Final = 82062


def deviation_ppm(seed: int, round_number: int, zone_id: str, appraiser: int) -> int:
    """By how much an appraiser misses the value, within +-MAX_DEVIATION_PPM.

    A function of its arguments, not the next draw of a stream: a town that restarts goes on with
    the same reports, whichever of them are still missing.
    """
    digest = sha256(f"poyong/gwangju/{seed}/{round_number}/{zone_id}/{appraiser}".encode())
    return int.from_bytes(digest[:8], "big") % (2 * MAX_DEVIATION_PPM + 1) - MAX_DEVIATION_PPM
