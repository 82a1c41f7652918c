"""The twin of a real host with two uplinks and a mesh: marks choose the table, and the table the way out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from ipaddress import ip_interface
from pathlib import Path

import pytest

from lab.lab import Lab
from lab.record.host import Dumped, Host, Link
from lab.twin.build import twin_of
from lab.twin.twin import Twin
from tests.kernel.scenes import rulesets, table

pytestmark = pytest.mark.kernel

FOLDER = Path("/work/shared/rulesets/openlab_host")
