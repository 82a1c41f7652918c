def looks_like_nft(t): return False
def looks_like_iptables_save(t): return False
