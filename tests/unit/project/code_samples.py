"""A module of functions in the syntax that Python has had since 3.10, for versions of code that are recorded."""

SAMPLES = '''
    import functools
    import os.path
    import re
    from collections import OrderedDict
    from datetime import date, timedelta
    from functools import lru_cache, partial, reduce, singledispatch, wraps
    from pathlib import Path

    LIMIT = 60 * 60
    NAMES = {"b": {2, 1}, "a": (1.5, None, "é\\u0378")}
    PATTERN = re.compile(r"\\d+")
    FOLDER = Path(__file__).parent
    PLACE = os.path.join(os.path.dirname(__file__), "data")
    SINCE = date(2024, 2, 29)


    def words(raw, limit=LIMIT, *, names=NAMES):
        """Find words."""
        found = [f"{word!r:>{limit}} {word = }" "x" for word in raw if (size := len(word)) > 1 and size < LIMIT]
        return {key: value for key, value in zip(names, found)}, f"no {{placeholder}}", {*found}


    def matched(raw: dict) -> list:
        match raw:
            case {"kind": "a", **rest} if rest:
                return [rest]
            case [first, *others] | (first, *others):
                return others + [first]
            case OrderedDict(size=size) as whole:
                return [size, whole]
            case None | True:
                return []
        return [-1, 1j, b"\\x00", 0.1, ..., 12345678901234567890]


    def tried(raw):
        global LIMIT
        try:
            with open(raw) as first, open(PLACE) as second:
                yield from first
                del second
        except (OSError, ValueError) as error:
            raise RuntimeError("failed") from error
        else:
            LIMIT += 1
        finally:
            pass
        while raw:
            assert raw, "none"
            raw = raw[1:-1:2, ...]


    async def awaited(raw):
        async with raw as connection:
            return [item async for item in connection if await item]


    def nested(raw):
        count: int = 0

        def add(by, *more, scale=1, **others):
            nonlocal count
            count += by * scale + sum(more)
            return sorted(others, key=lambda item: (item, count))

        class Local:
            size: int = 3

            def method(self):
                return self.size, count

        return add(1, 2, scale=3), Local, reduce(lambda left, right: left + right, raw)


    def logged(times):
        def decorate(function):
            @wraps(function)
            def wrapper(*args, **kwargs):
                return [function(*args, **kwargs) for _ in range(times)]
            return wrapper
        return decorate


    @logged(times=2)
    def decorated(raw: "list[int]") -> "int":
        return cached(PATTERN.findall(raw)), FOLDER, SINCE


    @lru_cache(maxsize=None)
    def cached(raw):
        return Model(raw).fitted()


    class Base:
        """A base."""

        depth: int = 3


    class Model(Base):
        def __init__(self, raw):
            super().__init__()
            self.raw = raw

        def fitted(self, raw=None):
            return self.depth, os.path.join(self.raw, "x"), Path(self.raw)


    @singledispatch
    def dispatched(raw):
        return raw


    @dispatched.register
    def _(raw: int):
        return raw + 1


    bound = partial(words, limit=3, names={"z": timedelta(days=1), "a": Path("a"), "f": cached, "m": Model})
    scaler = lambda raw, by=LIMIT: raw * by
    method = Model("a").fitted
'''
