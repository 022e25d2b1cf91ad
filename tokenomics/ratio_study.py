"""The assessors' own check of appraisals against sales."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RatioStudy:
    """All measures are 0 without sales; ratios in millionths. is_open: recognition may rise."""

    sales: int
    median_ratio_ppm: int
    lower_bound_ppm: int
    cod_ppm: int
    prd_ppm: int
    is_open: bool
