from typing import final

@final
class Results:
    def __new__(cls, heads: int, images: int) -> Results: ...
