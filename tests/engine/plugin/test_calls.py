"""What the plugin is sent, and what its answers and failures mean."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from engine.provider import (
    CallOptions,
    CheckFailure,
    CheckResult,
    DiffResult,
    InitFailedError,
    PropertyDiff,
    ProviderError,
    ReadResult,
    ResourceId,
    UnsupportedError,
)
from engine.values import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_SENTINEL,
    ResourceReference,
    Secret,
)

THING = ResourceId("urn:pulumi:s::p::probe:index:Thing::t", "t", "probe:index:Thing")
PROVIDER = ResourceId("urn:pulumi:s::p::pulumi:providers:probe::d", "d", "pulumi:providers:probe", "uuid-1")
UP = CallOptions()
PREVIEW = CallOptions(preview=True)
SECRET_ON_WIRE = {SIGNATURE_KEY: SECRET_SIGNATURE, "value": "pw"}


def received(outputs: dict[str, Any]) -> Any:
    """The request the plugin saw."""
    return json.loads(outputs["received"])


def test_create_sends_the_properties_with_their_secrets_and_returns_the_outputs(probe):
    result = probe.create(THING, {"n": 1, "s": Secret("pw")}, CallOptions(timeout_s=90))
    assert result.id == "id-1"
    assert (result.outputs["n"], result.outputs["s"]) == (1, Secret("pw"))
    assert received(result.outputs) == {
        "urn": THING.urn,
        "name": "t",
        "type": "probe:index:Thing",
        "timeout": 90.0,
        "properties": {"n": 1.0, "s": SECRET_ON_WIRE},
    }


def test_a_plugin_without_secrets_gets_bare_values_and_its_results_are_marked(start):
    news = {
        "s": Secret("pw"),
        "deep": {"list": [{"s": Secret(1)}, 2]},
        "ref": ResourceReference("urn:r", "id-r"),
    }
    outputs = start(mode="bare").create(THING, news, UP).outputs
    assert received(outputs)["properties"] == {"s": "pw", "deep": {"list": [{"s": 1.0}, 2.0]}, "ref": "id-r"}
    assert outputs["s"] == Secret("pw")
    assert outputs["deep"] == {"list": [{"s": Secret(1)}, 2]}


def test_an_unknown_is_sent_in_a_preview_and_never_in_an_up(probe):
    outputs = probe.create(THING, {"a": UNKNOWN}, PREVIEW).outputs
    assert received(outputs)["properties"] == {"a": UNKNOWN_SENTINEL}
    assert outputs["a"] is UNKNOWN
    with pytest.raises(ProviderError, match="unknown was about to reach") as caught:
        probe.create(THING, {"a": UNKNOWN}, UP)
    assert not caught.value.unknown_outcome


def test_update_sends_both_sides(probe):
    resource = ResourceId(THING.urn, THING.name, THING.type, "id-1")
    outputs = probe.update(resource, {"a": 1}, {"a": 1, "out": 2}, {"a": 3}, CallOptions(ignore_changes=("b",)))
    request = received(outputs)
    assert request["id"] == "id-1"
    assert (request["oldInputs"], request["olds"], request["news"]) == ({"a": 1.0}, {"a": 1.0, "out": 2.0}, {"a": 3.0})
    assert request["ignoreChanges"] == ["b"]


def test_check_returns_inputs_or_failures(probe):
    assert probe.check(THING, None, {"a": Secret(1)}, b"seed") == CheckResult({"a": Secret(1)})
    refused = probe.check(THING, {"a": 0}, {"a": 1}, b"")
    assert refused.failures == (CheckFailure("a", "bad"),)


def test_diff_returns_every_detail(probe):
    assert probe.diff(THING, {"a": 1}, {"a": 1}, {"a": 2}, ()) == DiffResult(
        changes=True,
        replaces=("a",),
        diffs=("a", "b"),
        detailed={"a": PropertyDiff("update-replace", input_diff=True), "b[0]": PropertyDiff("delete")},
        delete_before_replace=True,
    )


def test_a_diff_that_says_nothing_is_unknown(probe):
    assert probe.diff(THING, {}, {}, {}, ()) == DiffResult(changes=None)


def test_read_tells_a_live_resource_a_gone_one_and_one_without_inputs(probe):

    def read(identity):
        return probe.read(ResourceId(THING.urn, THING.name, THING.type, identity), {"n": 0}, {"out": 1})

    assert read("gone") == ReadResult("", {})
    assert read("whole").inputs == {"n": 1}
    partly = read("partly")
    assert partly.inputs is None
    assert received(partly.outputs)["inputs"] == {"n": 0.0}
    assert received(partly.outputs)["properties"] == {"out": 1.0}


def test_invoke_returns_a_result_or_failures(probe):
    result = probe.invoke("probe:index:ask", {"q": UNKNOWN}, preview=True)
    assert received(result.outputs) == {
        "tok": "probe:index:ask",
        "args": {"q": UNKNOWN_SENTINEL},
        "preview": True,
    }
    assert probe.invoke("probe:index:fail", {}, preview=False).failures == (CheckFailure("q", "no"),)


# -- the provider's own configuration


def test_configure_sends_text_variables_and_typed_arguments(start):
    plugin = start()
    plugin.configure(PROVIDER, {"version": "1.2.3", "token": Secret("pw"), "tags": {"a": [1, True]}})
    sent = json.loads(plugin.create(THING, {}, UP).outputs["configured"])
    assert sent["variables"] == {"probe:config:token": "pw", "probe:config:tags": '{"a":[1,true]}'}
    assert sent["args"] == {"version": "1.2.3", "token": SECRET_ON_WIRE, "tags": {"a": [1.0, True]}}
    assert (sent["id"], sent["urn"], sent["sendsOldInputs"]) == ("uuid-1", PROVIDER.urn, True)


def test_missing_configuration_is_named(start):
    with pytest.raises(ProviderError, match=r'missing required configuration key "probe:token": The token.'):
        start().configure(PROVIDER, {"mode": "needs-token"})


def test_configuration_is_checked_by_the_plugin(probe):
    result = probe.check_config(PROVIDER, {}, {"region": "x"})
    assert result.failures == (CheckFailure("region", "no such region"),)


def test_a_plugin_that_does_not_check_its_configuration_takes_it_as_it_is(start):
    plugin = start(mode="old")
    assert plugin.check_config(PROVIDER, {}, {"a": Secret(1)}) == CheckResult({"a": Secret(1)})
    assert plugin.diff_config(PROVIDER, {}, {}, {"a": 1}, ()) == DiffResult(changes=None)


def test_an_old_plugin_tells_its_capabilities_when_configured(start):
    plugin = start(mode="old-with-secrets")
    plugin.configure(PROVIDER, {})
    outputs = plugin.create(THING, {"s": Secret("pw")}, PREVIEW).outputs
    assert received(outputs)["properties"] == {"s": SECRET_ON_WIRE}


def test_a_plugin_without_preview_is_not_called_in_one(start):
    plugin = start(mode="old")
    plugin.configure(PROVIDER, {})
    assert plugin.create(THING, {"a": UNKNOWN}, PREVIEW).outputs == {"a": UNKNOWN}
    assert plugin.update(THING, {}, {}, {"a": 1}, PREVIEW) == {"a": 1}


def test_a_plugin_whose_configuration_is_unknown_is_not_asked(start, log):
    plugin = start()
    plugin.configure(PROVIDER, {"token": Secret(UNKNOWN)})
    assert plugin.check(THING, None, {"a": 1}, b"") == CheckResult({"a": 1})
    assert plugin.diff(THING, {}, {}, {"a": 1}, ()).changes is True
    assert log.lines[-1][0] == "warning"
    assert plugin.create(THING, {"a": 1}, PREVIEW).outputs == {}
    assert plugin.update(THING, {}, {}, {"a": 1}, PREVIEW) == {}
    assert plugin.invoke("probe:index:fail", {}, preview=True).failures == ()
    assert plugin.read(ResourceId("u", "n", "t", "i"), None, {}) == ReadResult("i", {})


# -- failures


@pytest.mark.parametrize(
    ("code", "unknown_outcome"),
    [
        ("UNKNOWN", True),
        ("INTERNAL", True),
        ("DATA_LOSS", True),
        ("INVALID_ARGUMENT", False),
        ("PERMISSION_DENIED", False),
        ("RESOURCE_EXHAUSTED", False),
    ],
)
def test_a_refusal_carries_the_plugins_words_and_whether_anything_happened(probe, code, unknown_outcome):
    news = {"do": f"abort:{code}"}
    for options, expected in ((UP, unknown_outcome), (PREVIEW, False)):
        with pytest.raises(ProviderError, match=r"^refused by the probe$") as caught:
            probe.create(THING, news, options)
        assert caught.value.unknown_outcome is expected


def test_an_unimplemented_method_is_unsupported(probe):
    with pytest.raises(UnsupportedError, match="refused by the probe"):
        probe.delete(THING, {}, {"do": "abort:UNIMPLEMENTED"}, UP)


@pytest.mark.parametrize(("mode", "outputs"), [("", {"done": 1}), ("bare", {"done": Secret(1)})])
def test_a_resource_that_exists_but_failed_to_start_is_returned(start, mode, outputs):
    plugin = start(mode=mode)
    for change in (
        lambda news: plugin.create(THING, news, UP),
        lambda news: plugin.update(THING, {}, {}, news, UP),
    ):
        with pytest.raises(InitFailedError) as caught:
            change({"do": "init-fail", "done": Secret(0)})
        assert caught.value.id == "id-2"
        assert caught.value.outputs == outputs
        assert caught.value.inputs == {"s": "x"}
        assert caught.value.reasons == ("not ready", "still not")
        assert caught.value.message == "2 errors occurred:\n\t* not ready\n\t* still not"


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("no-id", "returned no id"),
        ("return-unknown", "still unknown"),
        ("return-signature", "of-tomorrow"),
    ],
)
def test_an_answer_that_cannot_be_trusted_leaves_the_outcome_unknown(probe, do, message):
    with pytest.raises(ProviderError, match=message) as caught:
        probe.create(THING, {"do": do}, UP)
    assert caught.value.unknown_outcome


def test_a_plugin_that_dies_at_work_is_reported_with_its_last_words(start):
    with pytest.raises(ProviderError, match=r"ended by itself \(signal SIGKILL\)\nabout to die") as caught:
        start().create(THING, {"do": "die"}, UP)
    assert caught.value.unknown_outcome


def test_a_plugin_that_never_answers_is_given_up_at_the_resources_timeout(start):
    with pytest.raises(ProviderError, match=r"did not answer Create within 1\.5 s") as caught:
        start(grace_s=1).create(THING, {"do": "hang"}, CallOptions(timeout_s=0.5))
    assert caught.value.unknown_outcome


def test_a_preview_that_never_answers_is_given_up(start):
    with pytest.raises(ProviderError, match="did not answer Create within 1 s") as caught:
        start(answer_s=1).create(THING, {"do": "hang"}, PREVIEW)
    assert not caught.value.unknown_outcome


def test_after_a_cancel_running_calls_end(start, log):
    plugin = start(cancel_s=0.1)
    failures = []

    def create():
        try:
            plugin.create(THING, {"do": "hang"}, UP)
        except ProviderError as error:
            failures.append(error)

    thread = threading.Thread(target=create)
    thread.start()
    log.wait_for("hanging")
    plugin.cancel()
    thread.join(timeout=30)
    log.wait_for("cancel came")
    assert [error.unknown_outcome for error in failures] == [True]
    assert "cancelled" in failures[0].message


def test_a_plugin_that_cannot_cancel_is_no_failure(start):
    start("sdk").cancel()


def test_calls_run_side_by_side(probe):
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(probe.create(THING, {}, UP).id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert ids == ["id-1"] * 8


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("raise", "the door is stuck"),
        ("exit", r"ended by itself \(exit code 3\)\nno more doors"),
        ("id-that-is-none", "id"),
        ("unknown", "Unsupported value type"),
        ("no-mapping", "items"),
        ("nothing", "NoneType"),
    ],
)
def test_a_provider_written_with_the_sdk_that_goes_wrong_leaves_the_outcome_unknown(start, do, message):
    plugin = start("sdk")
    plugin.configure(PROVIDER, {})
    with pytest.raises(ProviderError, match=message) as caught:
        plugin.create(THING, {"length": 4, "do": do}, UP)
    assert caught.value.unknown_outcome
    assert not isinstance(caught.value, InitFailedError)


def test_a_provider_written_with_the_sdk_refuses_inputs(start):
    plugin = start("sdk")
    plugin.configure(PROVIDER, {})
    assert plugin.check(THING, None, {"length": 0}, b"seed").failures == (CheckFailure("length", "is nothing"),)


def test_a_provider_written_with_the_sdk_that_hangs_is_given_up_and_cancelled(start, log):
    plugin = start("sdk", grace_s=0.5, cancel_s=0.1)
    plugin.configure(PROVIDER, {})
    with pytest.raises(ProviderError, match=r"did not answer Create within 1 s") as caught:
        plugin.create(THING, {"length": 4, "do": "hang"}, CallOptions(timeout_s=0.5))
    assert caught.value.unknown_outcome
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(plugin.delete, THING, {}, {"length": 4, "do": "hang"}, UP)
        log.wait_for("hanging")
        plugin.cancel()
        with pytest.raises(ProviderError, match="cancelled"):
            running.result(timeout=30)


def test_what_a_provider_written_with_the_sdk_prints_disturbs_nothing(start, log):
    plugin = start("sdk")
    plugin.configure(PROVIDER, {})
    assert plugin.create(THING, {"length": 4, "do": "chatter"}, UP).id == "password-1"
    assert log.wait_for("a word in between")


def test_a_slow_plugin_is_waited_for_and_its_calls_run_side_by_side(start):
    plugin = start("sdk", "slow")
    plugin.configure(PROVIDER, {})
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda length: plugin.create(THING, {"length": length}, UP).outputs["text"], range(8)))
    assert made == [Secret("x" * length) for length in range(8)]
    assert time.monotonic() - began < 8 * 0.7


@pytest.mark.parametrize("limits", [{"start_s": 0.2}, {"answer_s": 0.2}])
def test_a_plugin_that_is_too_slow_is_refused(start, limits):
    with pytest.raises(ProviderError, match=r"within 0\.2 s"):
        start("sdk", "slow", **limits).check(THING, None, {"length": 1}, b"seed")


def test_a_provider_written_with_pulumis_own_sdk_works(start):
    plugin = start("sdk")
    plugin.configure(PROVIDER, {})
    assert plugin.check(THING, None, {"length": 4}, b"seed") == CheckResult({"length": 4})
    created = plugin.create(THING, {"length": 4}, UP)
    assert (created.id, created.outputs) == ("password-1", {"length": 4, "text": Secret("xxxx")})
    assert plugin.diff(THING, {"length": 4}, {"length": 4}, {"length": 5}, ()).changes is True
