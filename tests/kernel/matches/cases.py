"""All cases."""

from __future__ import annotations

from tests.kernel.matches.of_ends import ENDS
from tests.kernel.matches.of_headers import HEADERS, OF_IPV6
from tests.kernel.matches.targets import DONE, ONLY_MET

CASES = (*HEADERS, *OF_IPV6, *ENDS, *DONE, *ONLY_MET)
