"""Assignability, bindings of type parameters and joins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admission.cel import types
from admission.cel.types import Type, list_of, map_of, optional_of, struct, type_of_type, type_param, wrapper
from admission.cel.unification import Substitution, instantiate, most_general, same_type, unwrap_optional

A, B = type_param("a"), type_param("b")

PRIMITIVES = (types.BOOL, types.INT, types.UINT, types.DOUBLE, types.STRING, types.BYTES)
LEAVES = (*PRIMITIVES, types.NULL, types.DYN, types.DURATION, types.TIMESTAMP, types.ANY, struct("x.Y"), types.IP, A, B)


def composed(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    return st.one_of(
        inner.map(list_of), inner.map(optional_of), inner.map(type_of_type), st.builds(map_of, inner, inner)
    )


any_type = st.recursive(
    st.one_of(st.sampled_from(LEAVES), st.sampled_from(PRIMITIVES).map(wrapper)), composed, max_leaves=6
)


def assignable(a: Type, b: Type) -> bool:
    return Substitution().assignable(a, b)


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_a_wrapper_is_its_primitive_or_null(primitive: Type) -> None:
    assert assignable(wrapper(primitive), primitive)
    assert assignable(primitive, wrapper(primitive))
    assert assignable(types.NULL, wrapper(primitive))
    assert not assignable(types.NULL, primitive)


@pytest.mark.parametrize("nullable", [types.DURATION, types.TIMESTAMP, types.IP, struct("x.Y"), optional_of(types.INT)])
def test_null_stands_for_objects_times_and_extension_types(nullable: Type) -> None:
    assert assignable(types.NULL, nullable)
    assert assignable(nullable, types.NULL)


@pytest.mark.parametrize("other", [types.INT, types.LIST_DYN, types.MAP_DYN, types.TYPE, types.BOOL])
def test_null_stands_for_nothing_else(other: Type) -> None:
    assert not assignable(types.NULL, other)
    assert not assignable(other, types.NULL)


def test_numbers_of_different_types_do_not_mix() -> None:
    assert not assignable(types.INT, types.DOUBLE)
    assert not assignable(list_of(types.INT), list_of(types.UINT))


def test_any_type_is_assignable_to_any_other_type_of_a_type() -> None:
    assert assignable(type_of_type(types.INT), type_of_type(types.STRING))


@given(any_type)
def test_dyn_goes_with_everything(t: Type) -> None:
    assert assignable(types.DYN, t)
    assert assignable(t, types.DYN)


@given(any_type)
def test_a_type_is_assignable_to_itself(t: Type) -> None:
    assert assignable(t, t) == (t.kind is not types.Kind.UNSPECIFIED)


@given(any_type, any_type)
def test_a_failed_attempt_leaves_no_binding(a: Type, b: Type) -> None:
    substitution = Substitution()
    substitution.assignable(A, list_of(B))
    before = [substitution.resolve(t) for t in (A, B, a, b)]
    if not substitution.all_assignable([a, types.INT], [b, types.STRING]):
        assert [substitution.resolve(t) for t in (A, B, a, b)] == before


@given(any_type, any_type)
def test_nothing_free_is_left_where_free_parameters_become_dyn(a: Type, b: Type) -> None:
    substitution = Substitution()
    substitution.assignable(a, b)
    assert types.parameters_in(substitution.resolve(a, free_to_dyn=True)) == ()


def test_a_parameter_is_bound_to_the_first_type_it_meets() -> None:
    substitution = Substitution()
    assert substitution.all_assignable([types.INT, types.INT], [A, A])
    assert substitution.resolve(list_of(A)) == list_of(types.INT)
    assert not substitution.assignable(types.STRING, A)


def test_a_parameter_widens_to_dyn() -> None:
    substitution = Substitution()
    assert substitution.all_assignable([types.INT, types.DYN], [A, A])
    assert substitution.resolve(A) == types.DYN


def test_a_parameter_cannot_contain_itself() -> None:
    assert not assignable(A, list_of(A))


def test_parameters_are_followed_to_the_end() -> None:
    substitution = Substitution()
    assert substitution.assignable(A, B)
    assert substitution.assignable(B, types.INT)
    assert substitution.resolve(map_of(A, B)) == map_of(types.INT, types.INT)


def test_arguments_of_another_number_never_fit() -> None:
    assert not Substitution().all_assignable([types.INT], [types.INT, types.INT])


def test_the_less_specific_of_two_types_is_the_join() -> None:
    assert most_general(types.INT, types.DYN) == types.DYN
    assert most_general(list_of(types.DYN), list_of(types.INT)) == list_of(types.DYN)
    assert most_general(wrapper(types.INT), types.INT) == wrapper(types.INT)
    assert most_general(types.NULL, types.DURATION) == types.DURATION


def test_the_names_of_parameters_matter_only_where_asked() -> None:
    assert not same_type(list_of(A), list_of(B))
    assert same_type(list_of(A), list_of(B), ignore_parameter_names=True)
    assert same_type(wrapper(types.INT), types.INT)
    assert not same_type(types.INT, types.UINT)


def test_instantiating_leaves_other_parameters_alone() -> None:
    assert instantiate(map_of(A, B), {"a": types.INT}) == map_of(types.INT, B)


def test_only_optionals_are_unwrapped() -> None:
    assert unwrap_optional(optional_of(types.INT)) == types.INT
    assert unwrap_optional(list_of(types.INT)) is None
    assert unwrap_optional(types.IP) is None
