from typing import NoReturn, final

@final
class View:
    def __init__(self, *args: object, **kwargs: object) -> NoReturn: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Floats:
    def __init__(self, *args: object, **kwargs: object) -> NoReturn: ...
