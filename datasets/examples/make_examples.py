"""Invent the example survey and the example cohort: python datasets/examples/make_examples.py.

No person in them is real. The same seed gives the same files on every machine: only `random.random`, whose
sequence Python promises to keep, and the inverse of the normal distribution are used.
"""

from collections.abc import Iterable, Iterator, Sequence
from csv import writer
from datetime import date, timedelta
from math import cos, exp, pi
from pathlib import Path
from random import Random
from statistics import NormalDist

HERE = Path(__file__).parent
REGIONS = {"coast": 900, "valley": 640, "hills": 420, "town": 1500}  # region -> people that one stands for
VILLAGES, ADULTS = 6, 20  # drawn in each region, and in each village
REFUSED, UNKNOWN = 9, 8  # as the questionnaire codes them
NIGHTS = 28
NORMAL = NormalDist()

Row = Sequence[object]


class Chance:
    """Draws that follow from the seed alone."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random  # noqa: S311 - invented people need no secret numbers

    def normal(self, mean: float, spread: float) -> float:
        """Draw from a normal distribution."""
        return mean + spread * NORMAL.inv_cdf(min(max(self.random(), 1e-9), 1 - 1e-9))

    def yes(self, score: float) -> bool:
        """Draw yes with the probability whose log odds is the score."""
        return self.random() < 1 / (1 + exp(-score))

    def level(self, score: float, cuts: Sequence[float]) -> int:
        """Draw an ordered level: the higher the score, the higher."""
        told = score + self.normal(0, 1.7)
        return sum(told > cut for cut in cuts)

    def code(self, value: int, *, refused: float = 0.01, unknown: float = 0.015) -> int:
        """Turn a few answers into those of people who refused, or did not know."""
        drawn = self.random()
        return REFUSED if drawn < refused else UNKNOWN if drawn < refused + unknown else value


def survey(chance: Chance) -> tuple[list[Row], list[Row]]:
    """Draw 480 adults of 24 villages in 4 regions; of four in five there is a blood sample."""
    people: list[Row] = []
    lab: list[Row] = []
    for region, stands_for in REGIONS.items():
        for village in range(1, VILLAGES + 1):
            for _ in range(ADULTS):
                name = f"EXAMPLE-{len(people) + 1:04d}"
                answers, sugar = _adult(chance)
                weight = stands_for * (1.25 if answers[1] < 40 else 0.85)
                people.append((name, region, village, weight, *answers, _day(chance)))
                if chance.random() < 0.8:
                    calcium = round(chance.normal(2.37, 0.09), 2)
                    lab.append((name, sugar, calcium, round(chance.normal(4.1, 0.35), 1)))
    return people, lab


def _adult(chance: Chance) -> tuple[list[int], int]:
    sex = 1 + chance.yes(0.1)
    age = 20 + int(65 * chance.random())
    height = chance.normal(176 if sex == 1 else 163, 7)
    mass = chance.normal(26.5, 4.4) * (height / 100) ** 2
    diabetes = chance.yes(-5.2 + 0.055 * age)
    arthritis = chance.yes(-4.0 + 0.05 * age + 0.4 * (sex == 2))
    sitting = max(0, round(chance.normal(330, 130) / 15) * 15)
    score = 0.02 * (age - 50) + 0.35 * (sex == 2) + 0.5 * diabetes + 0.4 * arthritis
    cramps = chance.level(score, (0.7, 1.8, 3.1, 4.6))
    sugar = round(chance.normal(58 if diabetes else 36, 9 if diabetes else 3.5))
    answers = [
        sex,
        age,
        round(height),
        round(mass),
        chance.code(cramps),
        chance.code(1 if diabetes else 2, refused=0.002),
        chance.code(1 if arthritis else 2, refused=0.002),
        chance.code(sitting, refused=0, unknown=0) if chance.random() < 0.95 else 9999,
        chance.code(1 if chance.yes(-0.4) else 2),
    ]
    return answers, max(sugar, 22)


def _day(chance: Chance) -> str:
    return (date(2024, 2, 1) + timedelta(days=int(300 * chance.random()))).strftime("%d.%m.%Y")


def cohort(chance: Chance) -> tuple[list[Row], list[Row], list[Row]]:
    """Follow 60 older adults of two towns for a year: three visits, and four weeks of nights twice."""
    people: list[Row] = []
    visits: list[Row] = []
    nights: list[Row] = []
    for number in range(1, 61):
        name = f"COHORT-{number:03d}"
        town = "northtown" if number % 2 else "southport"
        start = date(2024, 1, 8) + timedelta(days=int(60 * chance.random()))
        end = start + timedelta(days=364 if chance.random() < 0.85 else 90 + int(200 * chance.random()))
        age, sex = 55 + int(30 * chance.random()), "f" if chance.yes(0.2) else "m"
        stretches = chance.yes(0)
        tendency = chance.normal(-2.6 + 0.03 * (age - 65) - 0.5 * stretches, 1.1)
        people.append((name, town, sex, age, "yes" if stretches else "no", start, end))
        visits += _visits(chance, name, start, end, tendency)
        nights += _nights(chance, (name, town), start, end, tendency)
    return people, visits, nights


def _visits(chance: Chance, name: str, start: date, end: date, tendency: float) -> Iterator[Row]:
    for months in (0, 6, 12):
        day = start + timedelta(days=round(months * 30.4375) - (months == 12) * 2)
        if day <= end:
            told = "refused" if chance.random() < 0.02 else "yes" if chance.yes(tendency + 1.8) else "no"
            yield name, day.strftime("%d/%m/%Y"), told, round(chance.normal(78, 12), 1)


def _nights(chance: Chance, who: tuple[str, str], start: date, end: date, tendency: float) -> Iterator[Row]:
    name, town = who
    for first, warmth in ((start + timedelta(days=7), 0.0), (date(2024, 7, 1), 0.5)):
        for day in (first + timedelta(days=n) for n in range(NIGHTS)):
            if day > end or chance.random() < 0.06:
                continue
            cramp = 9 if chance.random() < 0.02 else int(chance.yes(tendency + warmth))
            yield name, day, town, cramp, round(max(0, chance.normal(7.1, 1.1)) * 60)


def weather(chance: Chance) -> Iterator[Row]:
    """Invent daily temperature and humidity of both towns, the southern one warmer and damper."""
    for town, warmer, damper in (("northtown", 0.0, 0.0), ("southport", 6.0, 8.0)):
        passing = 0.0
        for day in (date(2023, 12, 1) + timedelta(days=n) for n in range(462)):
            passing = 0.7 * passing + chance.normal(0, 2.2)
            season = -cos(2 * pi * (day.timetuple().tm_yday - 20) / 365.25)
            mean = 11 + warmer + 11 * season + passing
            half = abs(chance.normal(4.5, 1.2))
            damp = min(max(chance.normal(66 + damper - 6 * season, 9), 15), 100)
            yield town, day, round(mean + half, 1), round(mean - half, 1), round(damp)


def write(path: Path, head: str, rows: Iterable[Row]) -> None:
    """Write a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = writer(file, lineterminator="\n")
        table.writerow(head.split())
        table.writerows(rows)


def main(folder: Path = HERE) -> None:
    """Write the files of both studies into a folder."""
    people, lab = survey(Chance(11))
    heads = "id region village weight sex age height_cm weight_kg cramps diab arth sitting_min smoke100 day"
    write(folder / "survey" / "people.csv", heads, people)
    write(folder / "survey" / "blood.csv", "id hba1c calcium potassium", lab)
    members, visits, nights = cohort(Chance(12))
    write(folder / "cohort" / "members.csv", "id town sex age stretches joined left", members)
    write(folder / "cohort" / "visits.csv", "id seen cramps mass_kg", visits)
    write(folder / "cohort" / "nights.csv", "id night town cramp slept_min", nights)
    write(folder / "cohort" / "weather.csv", "town day warmest coldest humidity", weather(Chance(13)))


if __name__ == "__main__":
    main()
