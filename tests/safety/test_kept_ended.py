"""However a lab that stays up ends, nothing of it remains; and whatever its player ends in it, he is told so in words."""

from __future__ import annotations

import pytest

from tests.safety.conftest import Reports

pytestmark = pytest.mark.kernel


def test_a_lab_that_stays_up_leaves_nothing_however_it_ends(in_a_machine: Reports) -> None:
    destroyed, *killed = in_a_machine("kept", lab=())
    assert len(destroyed["running"]) >= 4
    assert all(destroyed["running"]), "what ran in a shell outlived it"
    for done in destroyed["said"]:
        assert "Traceback" not in done["out"] + done["err"], done
        assert done["out"] + done["err"], done
    codes = {" ".join(done["words"][:1]): done["code"] for done in destroyed["said"]}
    assert codes["down"] == codes["status"] == 0
    assert destroyed["left"] == []
    for report in killed:
        assert (report["killed"], report["ended"], report["left"]) == (report["killed"], True, [])
    assert killed[-1]["shell"] != 0
    assert killed[-1]["said"][0]["out"] == "no lab is up\n"
