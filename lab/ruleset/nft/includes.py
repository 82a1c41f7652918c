def expand(r, folder): return r
