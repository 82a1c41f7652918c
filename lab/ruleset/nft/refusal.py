def is_missing_feature(e, r): return None
def locate(e, r): raise SystemExit(e)
