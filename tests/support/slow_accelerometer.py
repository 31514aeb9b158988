"""Read the rules of non-wear minute by minute, as they are written, without any of the toolkit's code.

Slow on purpose: a second opinion for random series, in plain lists.
"""


def choi_slowly(counts: list[int], *, strict: bool = False, stream: int = 30) -> list[bool]:
    n = len(counts)
    silent = [count == 0 for count in counts]
    for first, last in runs([count > 0 for count in counts]):
        before, after = counts[max(first - stream, 0) : first], counts[last + 1 : last + 1 + stream]
        whole = len(before) == len(after) == stream or not strict
        if last - first < 2 and not any(before) and not any(after) and whole:
            for minute in range(first, last + 1):
                silent[minute] = True
    marks = [False] * n
    for first, last in runs(silent):
        at_an_end = not strict and (first == 0 or last == n - 1)
        if last - first + 1 >= 90 or at_an_end:
            marks[first : last + 1] = [True] * (last - first + 1)
    if n > 1 and not strict:
        marks[-1] = marks[-2]
    return marks


def troiano_slowly(counts: list[int]) -> list[bool]:
    marks, minute = [False] * len(counts), 0
    while minute < len(counts):
        if counts[minute] != 0:
            minute += 1
            continue
        first, last, tolerated = minute, minute, 0
        while minute < len(counts):
            if counts[minute] == 0:
                last, tolerated = minute, 0
            elif counts[minute] > 100 or tolerated == 2:
                break
            else:
                tolerated += 1
            minute += 1
        if last - first + 1 >= 60:
            marks[first : last + 1] = [True] * (last - first + 1)
        minute += 1
    return marks


def day_slowly(counts: list[int], worn: dict[str, list[bool]]) -> dict[str, int]:
    """Summarise the minutes of one day, given which of them were worn by each rule."""
    choi = worn["choi"]
    sitting = [w and count < 100 for w, count in zip(choi, counts, strict=True)]

    def among(low: int, high: int) -> int:
        return sum(w and low <= count <= high for w, count in zip(choi, counts, strict=True))

    return {
        "minutes": len(counts),
        "wear_troiano": sum(worn["troiano"]),
        "wear_choi": sum(choi),
        "sedentary_troiano": sum(w and c < 100 for w, c in zip(worn["troiano"], counts, strict=True)),
        "sedentary_choi": sum(sitting),
        "light": among(100, 2019),
        "moderate": among(2020, 5998),
        "vigorous": among(5999, 32766),
        "ceiling": among(32767, 32767),
        "counts_choi": sum(c for w, c in zip(choi, counts, strict=True) if w and c < 32767),
        "sedentary_bouts_30": sum(last - first + 1 >= 30 for first, last in runs(sitting)),
        "breaks": sum(sitting[i] and choi[i + 1] and not sitting[i + 1] for i in range(len(counts) - 1)),
        "valid_troiano": int(sum(worn["troiano"]) >= 600),
        "valid_choi": int(sum(choi) >= 600),
    }


def runs(marks: list[bool]) -> list[tuple[int, int]]:
    """First and last place of each maximal run of true."""
    found, first = [], None
    for place, mark in enumerate([*marks, False]):
        if mark and first is None:
            first = place
        if not mark and first is not None:
            found.append((first, place - 1))
            first = None
    return found
