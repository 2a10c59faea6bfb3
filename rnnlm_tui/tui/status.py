"""What the header and a toast say of the training and the active model. No textual here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnlm_tui.tui.widgets.host import Severity

if TYPE_CHECKING:
    from rnnlm_tui.tui.runs.follower import FollowedRun
    from rnnlm_tui.tui.writing.predictor import LoadedModel


def header_text(
    run: FollowedRun | None, loaded_model: LoadedModel | None, has_no_models: bool
) -> str:
    """How far the app's own training is, and the active model. It may be cut at its end."""
    if loaded_model is not None:
        model = f"{loaded_model.name} · {loaded_model.kind}"
    else:
        model = "no model" if has_no_models else "loading ..."
    if run is None or not run.is_running:
        return model
    if run.progress.started is None:
        return f"▶ {run.name} starts · {model}"
    glyph = "‖" if run.progress.phase == "paused" else "▶"
    return f"{glyph} {run.progress.epoch_share:.0%} of {run.name} · {model}"


def end_notice(run: FollowedRun) -> tuple[str, Severity]:
    """How a run has ended, and how bad that is."""
    from rnnlm_tui.tui.runs.wording import end_of

    end = end_of(run.progress, run.name, [])
    if not end.is_bad:
        return f"{run.name}: {end.headline}. F3 shows it", "information"
    return " ".join((f"{run.name}: {end.headline}.", *end.details)), "error"
