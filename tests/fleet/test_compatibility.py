"""Which tractor pulls which implement: more never hurts, nothing unknown is ever yes, and every answer has a reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.people import Person, World
from votremachine.fleet.attributes import Attributes, Coupler, Hitch, PtoSpeed, PtoType, Towing
from votremachine.fleet.categories import categories
from votremachine.fleet.compatibility import Aspect, Verdict, fit, worst

ORDER = [Verdict.NO, Verdict.UNKNOWN, Verdict.YES]
BALER, PLOUGH = categories()["baler"], categories()["plough"]


def some(kind: Any) -> Any:
    return st.none() | st.lists(st.sampled_from(list(kind)), unique=True, max_size=4).map(tuple)


facts = {
    "pto_types": some(PtoType),
    "pto_speeds": some(PtoSpeed),
    "hitch": some(Hitch),
    "towing": some(Towing),
    "couplers": some(Coupler),
    "hydraulic_outlets": st.none() | st.integers(0, 6),
    "hydraulic_flow_lpm": st.none() | st.integers(0, 200),
}
tractors = st.builds(Attributes, power_hp=st.none() | st.integers(1, 400), **facts)
implements = st.builds(Attributes, required_power_hp=st.none() | st.integers(1, 400), **facts)


@given(tractors, implements, st.integers(0, 300), st.integers(0, 6), st.integers(0, 100))
def test_a_stronger_tractor_pulls_no_less(
    tractor: Attributes, implement: Attributes, power: int, outlets: int, flow: int
) -> None:
    stronger = replace(
        tractor,
        power_hp=None if tractor.power_hp is None else tractor.power_hp + power,
        hydraulic_outlets=None if tractor.hydraulic_outlets is None else tractor.hydraulic_outlets + outlets,
        hydraulic_flow_lpm=None if tractor.hydraulic_flow_lpm is None else tractor.hydraulic_flow_lpm + flow,
    )
    before, after = fit(tractor, implement, BALER), fit(stronger, implement, BALER)
    assert ORDER.index(after.verdict) >= ORDER.index(before.verdict)


@given(tractors, implements, tractors)
def test_a_better_equipped_tractor_pulls_no_less(tractor: Attributes, implement: Attributes, more: Attributes) -> None:
    lists = ("pto_types", "pto_speeds", "hitch", "towing", "couplers")
    both = {name: (*getattr(tractor, name), *(getattr(more, name) or ())) for name in lists if getattr(tractor, name)}
    before, after = fit(tractor, implement, BALER), fit(replace(tractor, **both), implement, BALER)
    assert ORDER.index(after.verdict) >= ORDER.index(before.verdict)


@given(tractors, implements)
def test_shafts_and_hitches_meet_from_both_sides(tractor: Attributes, implement: Attributes) -> None:
    """If the one's shaft fits the other's, the other's fits the one's."""
    there = {one.aspect: one for one in fit(tractor, implement, BALER).reasons}
    back = {one.aspect: one for one in fit(implement, tractor, BALER).reasons}
    driven = tractor.pto_types and tractor.pto_speeds and implement.pto_types and implement.pto_speeds
    if driven:
        assert there[Aspect.PTO_TYPE].verdict == back[Aspect.PTO_TYPE].verdict
        assert there[Aspect.PTO_SPEED].verdict == back[Aspect.PTO_SPEED].verdict


@given(tractors, implements)
def test_the_whole_is_as_good_as_its_worst_part(tractor: Attributes, implement: Attributes) -> None:
    found = fit(tractor, implement, BALER)
    assert found.verdict is worst(one.verdict for one in found.reasons)
    for reason in found.reasons:
        assert (reason.verdict is not Verdict.NO) or (reason.needs is not None and reason.has is not None)
        french, english = reason.sentence("fr"), reason.sentence("en")
        assert french != english
        assert "{" not in french + english


@given(implements)
def test_nothing_unknown_is_ever_yes(implement: Attributes) -> None:
    found = fit(Attributes(), implement, BALER)
    for reason in found.reasons:
        nothing_needed = reason.needs in (0, ())
        assert reason.verdict is (Verdict.YES if nothing_needed else Verdict.UNKNOWN)
    assert fit(Attributes(), Attributes(required_power_hp=1), PLOUGH).verdict is Verdict.UNKNOWN


def test_what_does_not_apply_is_not_asked() -> None:
    tractor = Attributes(power_hp=120, hitch=(Hitch.CATEGORY_3,), hydraulic_outlets=2, couplers=())
    plough = Attributes(required_power_hp=100, hitch=(Hitch.CATEGORY_3,), hydraulic_outlets=2, couplers=())
    found = fit(tractor, plough, PLOUGH)
    assert found.verdict is Verdict.YES
    assert {reason.aspect for reason in found.reasons} == {
        Aspect.POWER,
        Aspect.HITCH,
        Aspect.OUTLETS,
        Aspect.COUPLERS,
    }


@pytest.mark.parametrize(
    ("tractor", "implement", "aspect", "verdict"),
    [
        ({"power_hp": 99}, {"required_power_hp": 100}, Aspect.POWER, Verdict.NO),
        ({"power_hp": 100}, {"required_power_hp": 100}, Aspect.POWER, Verdict.YES),
        ({"pto_speeds": (PtoSpeed.R540_ECO,)}, {"pto_speeds": (PtoSpeed.R540,)}, Aspect.PTO_SPEED, Verdict.YES),
        ({"pto_speeds": (PtoSpeed.R540,)}, {"pto_speeds": (PtoSpeed.R1000,)}, Aspect.PTO_SPEED, Verdict.NO),
        ({"pto_types": (PtoType.ONE,)}, {"pto_speeds": ()}, Aspect.PTO_TYPE, Verdict.YES),
        ({"hitch": (Hitch.CATEGORY_2,)}, {"hitch": (Hitch.CATEGORY_3,)}, Aspect.HITCH, Verdict.NO),
        # Trailed or mounted: one way that fits is enough, one that nobody knows is unknown.
        (
            {"hitch": (Hitch.CATEGORY_2,), "towing": (Towing.HOOK,)},
            {"hitch": (Hitch.CATEGORY_3,), "towing": (Towing.HOOK,)},
            Aspect.HITCH,
            Verdict.YES,
        ),
        (
            {"hitch": (Hitch.CATEGORY_2,)},
            {"hitch": (Hitch.CATEGORY_3,), "towing": (Towing.HOOK,)},
            Aspect.HITCH,
            Verdict.UNKNOWN,
        ),
        ({"couplers": (Coupler.ISOBUS,)}, {"couplers": tuple(Coupler)}, Aspect.COUPLERS, Verdict.NO),
        ({"couplers": tuple(Coupler)}, {"couplers": (Coupler.ISOBUS,)}, Aspect.COUPLERS, Verdict.YES),
        ({"hydraulic_outlets": 1}, {"hydraulic_outlets": 2}, Aspect.OUTLETS, Verdict.NO),
        ({"hydraulic_flow_lpm": 60}, {"hydraulic_flow_lpm": 80}, Aspect.FLOW, Verdict.NO),
    ],
)
def test_known_cases(tractor: Any, implement: Any, aspect: Aspect, verdict: Verdict) -> None:
    found = fit(Attributes(**tractor), Attributes(**implement), BALER)
    assert {one.aspect: one.verdict for one in found.reasons}[aspect] is verdict


async def test_my_tractors_and_the_cooperatives_for_an_implement(world: World, owner: Person, renter: Person) -> None:
    cuma = await world.farmer("cuma@x.example", "CUMA du Marsan", kind="cooperative")
    join = f"/parties/{cuma.party_id}/members"
    await renter.made(join, {"party_id": renter.party_id})
    await cuma.made(f"{join}/{renter.party_id}/approve")
    mine, shared, strangers = [await world.machine(who) for who in (renter, cuma, owner)]
    retired = await world.machine(renter)
    await renter.made(f"/machines/{retired}/retire")
    draft = await world.machine(renter, listed=False)
    strong = await cuma.get(f"/machines/{shared}")
    await cuma.ask(
        "PATCH",
        f"/machines/{shared}",
        {"attributes": {"power_hp": 200, "hitch": ["3"], "hydraulic_outlets": 3, "couplers": []}},
        If_Match=strong.headers["ETag"],
    )
    plough = await owner.made(
        "/machines",
        {
            "party_id": owner.party_id,
            "category": "plough",
            "title": "Charrue",
            "place": {"commune": "Dax", "latitude": 43.7, "longitude": -1.05},
            "make": "Lemken",
            "model": "Juwel",
            "attributes": {
                "working_width_m": 2,
                "required_power_hp": 150,
                "hitch": ["3"],
                "hydraulic_outlets": 2,
                "couplers": [],
            },
        },
    )
    await owner.made(f"/machines/{plough['id']}/rates", {"rates": [{"unit": "day", "minor": 1000}]})
    await owner.made(f"/machines/{plough['id']}/publish")
    answer = await renter.get(f"/machines/{plough['id']}/tractors")
    found = answer.json()["tractors"]
    assert [(one["machine"]["id"], one["verdict"]) for one in found] == [
        (shared, "yes"),
        (mine, "no"),
        (draft, "no"),
    ]
    power = found[1]["reasons"][0]
    assert power == {
        "aspect": "power",
        "verdict": "no",
        "needs": 150,
        "has": 120,
        "text": "Power (hp): does not fit. It needs 150; the tractor has 120.",
    }
    french = await renter.get(f"/machines/{plough['id']}/tractors", Accept_Language="fr")
    assert french.json()["tractors"][1]["reasons"][1]["text"] == "Attelage : l'annonce du tracteur ne le dit pas."
    assert strangers not in answer.text
    refused = await renter.get(f"/machines/{mine}/tractors")
    assert (refused.status_code, refused.json()["code"]) == (422, "needs_no_tractor")
