"""Small official tables as offices write them, for tests of the importers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

HEADER: Final = (
    "고유번호,법정동코드,법정동명,특수지구분코드,특수지구분명,지번,기준연도,기준월,공시지가,"
    "공시일자,표준지여부,데이터기준일자,원천시도시군구코드"
)
WOLCHUL: Final = "2917013900"
ORYONG: Final = "2917014100"
JINWON_VILLAGE: Final = "4688031021"
ELSEWHERE: Final = "2917010100"
ZONES: Final = (
    '[{"id":"wolchul-dong","legal_dong_code":"2917013900","area_tenth_m2":7},'
    '{"id":"oryong-dong","legal_dong_code":"2917014100"},'
    '{"id":"jinwon-myeon","legal_dong_code":"4688031000"}]'
)


def parcel_row(code: str, number: int, price: str = "348800", year: int = 2023) -> str:
    """A row as the office writes it; its PNU ends in the number."""
    return (
        f"{code}1{number:08},{code},광주광역시 북구 오룡동,1,일반,{number}-1,{year},01,{price},"
        f"{year}-04-28,N,2023-06-01,29170"
    )


def write(path: Path, lines: Sequence[str], encoding: str = "utf-8", newline: str = "\r\n") -> Path:
    """A file of these lines."""
    path.write_bytes("".join(f"{line}{newline}" for line in lines).encode(encoding))
    return path
