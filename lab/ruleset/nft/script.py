def with_line_counters(text: str) -> str:
    return text
