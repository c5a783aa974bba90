EXCEPTIONS: dict[int, type[Exception]]
