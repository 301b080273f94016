"""The table of permissions: nobody gains by standing on fewer sides, and a viewer only ever reads."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.accounts.refusals import NotAllowed, NotInTheirPlace, UnknownParty, WhichParty
from votremachine.accounts.rules import (
    PERMISSIONS,
    Actor,
    Relation,
    Role,
    Seat,
    Sides,
    StaffRole,
    Verb,
    acting_seat,
    on_account,
    permits,
    require,
    require_self,
)

verbs = st.sampled_from(Verb)
parties = st.sampled_from([side for side in Relation if side is not Relation.PLATFORM])
sides = st.builds(
    lambda held, staff: held | ({Relation.PLATFORM: staff} if staff else {}),
    st.dictionaries(parties, st.sampled_from(Role)),
    st.none() | st.sampled_from(StaffRole),
)
FARM, OTHER = UUID(int=1), UUID(int=2)


def actor(*seats: Seat) -> Actor:
    return Actor(UUID(int=9), "Claire", "fr", {seat.party_id: seat for seat in seats})


def seat(
    party: UUID, role: Role = Role.ADMIN, *, demo: bool = False, cooperatives: frozenset[UUID] = frozenset()
) -> Seat:
    return Seat(party, "Ferme", role, demo, cooperatives)


@given(verbs, sides)
def test_losing_a_side_never_gains_a_right(verb: Verb, held: Sides) -> None:
    for lost in held:
        fewer = {side: role for side, role in held.items() if side is not lost}
        assert permits(verb, held) or not permits(verb, fewer)


@given(verbs)
def test_nobody_may_do_nothing_to_what_they_are_no_side_of(verb: Verb) -> None:
    assert not permits(verb, {})
    with pytest.raises(UnknownParty):
        require(verb, actor(seat(OTHER)), owner=FARM, stranger=UnknownParty())


@given(verbs, sides, sides)
def test_more_sides_permit_what_each_of_them_permits(verb: Verb, some: Sides, others: Sides) -> None:
    both = {**some, **{side: role for side, role in others.items() if side not in some}}
    assert permits(verb, both) == (
        permits(verb, some) or permits(verb, {s: both[s] for s in both.keys() - some.keys()})
    )


# By other names than the rest.
READING = {Verb.VERIFY_INSPECTIONS, Verb.EXPORT_CLAIM}
# What each does that is more than reading.
STAFFS = {
    StaffRole.SUPPORT: {Verb.FIND_PERSON, Verb.IMPERSONATE, Verb.MIND_LETTERS},
    StaffRole.MEDIATOR: {Verb.DECIDE_CLAIM},
    StaffRole.OPERATOR: {Verb.KEEP_BOOKS, Verb.MIND_LETTERS},
}


@given(verbs, st.sampled_from(StaffRole))
def test_staff_read_find_people_and_take_their_place_and_no_more(verb: Verb, role: StaffRole) -> None:
    # A link goes on reading when nobody looks: that is not for staff.
    reads = (verb.name.startswith("READ_") or verb in READING) and verb is not Verb.READ_BY_LINK
    assert permits(verb, {Relation.PLATFORM: role}) == (reads or verb in STAFFS[role])


@given(verbs, st.sampled_from(StaffRole))
def test_staff_who_may_not_are_told_so_and_strangers_nothing(verb: Verb, role: StaffRole) -> None:
    who = Actor(UUID(int=9), "Claire", "fr", {}, staff=role)
    if permits(verb, {Relation.PLATFORM: role}):
        assert require(verb, who, owner=FARM, stranger=UnknownParty()) == {Relation.PLATFORM: role}
    else:
        with pytest.raises(NotAllowed):
            require(verb, who, owner=FARM, stranger=UnknownParty())


def test_what_is_a_persons_alone_is_not_done_in_their_place() -> None:
    require_self(actor(seat(FARM)))
    with pytest.raises(NotInTheirPlace):
        require_self(Actor(UUID(int=9), "Claire", "fr", {}, impersonator_id=UUID(int=8)))


@given(verbs, parties)
def test_a_viewer_only_reads(verb: Verb, side: Relation) -> None:
    assert not permits(verb, {side: Role.VIEWER}) or verb.name.startswith("READ_") or verb in READING


@given(verbs, parties, st.sampled_from(Role))
def test_an_admin_may_whatever_another_role_of_the_side_may(verb: Verb, side: Relation, role: Role) -> None:
    assert permits(verb, {side: Role.ADMIN}) or not permits(verb, {side: role})


def test_every_verb_stands_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Verb)


def test_who_lacks_the_role_is_told_so() -> None:
    with pytest.raises(NotAllowed):
        require(Verb.EDIT_MACHINE, actor(seat(FARM, Role.MEMBER)), owner=FARM, stranger=UnknownParty())


def test_a_person_acts_from_the_seat_they_name_or_their_only_one() -> None:
    one, both = actor(seat(FARM)), actor(seat(FARM), seat(OTHER))
    assert acting_seat(one, None).party_id == FARM
    assert acting_seat(both, OTHER).party_id == OTHER
    with pytest.raises(WhichParty):
        acting_seat(both, None)
    with pytest.raises(WhichParty):
        acting_seat(actor(), None)
    with pytest.raises(UnknownParty):
        acting_seat(one, OTHER)


def test_members_of_the_owning_cooperative_and_demo_parties_book_on_account() -> None:
    cuma, other = UUID(int=7), UUID(int=8)
    assert on_account(seat(FARM, cooperatives=frozenset({cuma})), cuma)
    assert not on_account(seat(FARM, cooperatives=frozenset({cuma})), other)
    assert on_account(seat(FARM, demo=True), other)
