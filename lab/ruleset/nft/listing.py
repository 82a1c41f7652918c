class NftRuleset:
    tables = ()
def read_listing(text: str):
    return NftRuleset()
