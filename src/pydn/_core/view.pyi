from typing import NoReturn, final

@final
class View:
    def __init__(self) -> NoReturn: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Floats:
    def __init__(self) -> NoReturn: ...
