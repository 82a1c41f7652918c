class M:
    repairs=()
    def __init__(s,t): s.text=t; s.lines=tuple(range(1,t.count("\n")+2))
def mend(text): return M(text)
def unmet(text, sets): return ()
