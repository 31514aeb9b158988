"""The look of charts and what a notebook keeps of them."""

import altair as alt
import pytest

from toolkit.display.charts import theme


@pytest.fixture
def spec() -> dict:
    chart = alt.Chart(alt.Data(values=[{"a": 1}]), title="A title").mark_point().encode(x="a:Q")
    return chart.to_dict()


def test_use_keeps_a_theme_and_a_renderer_that_the_user_chose():
    with alt.theme.enable("dark"), alt.renderers.enable("svg"):
        theme.use()
        assert alt.theme.active == "dark"
        assert alt.renderers.active == "svg"


def test_use_takes_the_place_of_altairs_defaults():
    with alt.theme.enable("default"), alt.renderers.enable("default"):
        theme.use()
        assert alt.theme.active == "toolkit"
        assert alt.renderers.active == "toolkit"


def test_output_holds_spec_as_data_and_svg_and_no_html_that_loads_scripts(spec):
    bundle, metadata = theme.render(spec)
    assert list(bundle) == ["application/vnd.vegalite.v6+json", "image/svg+xml", "text/plain"]
    assert bundle["application/vnd.vegalite.v6+json"] == spec
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/plain"] == "A title"
    assert metadata == {}


def test_widget_is_for_a_watched_kernel_only(spec, monkeypatch):
    kernel = type("Shell", (), {"kernel": object()})()
    module = type("IPython", (), {"get_ipython": staticmethod(lambda: kernel)})()
    monkeypatch.setitem(theme.sys.modules, "IPython", module)
    monkeypatch.setattr(theme, "_widget", lambda _: {"widget": True})
    for name in ("VSCODE_PID", "VSCODE_IPC_HOOK", "JPY_SESSION_NAME", "CRAMPS_CHARTS"):
        monkeypatch.delenv(name, raising=False)
    assert "widget" not in theme.render(spec)[0]
    monkeypatch.setenv("JPY_SESSION_NAME", "01-start.ipynb")
    assert "widget" in theme.render(spec)[0]
    monkeypatch.setenv("CRAMPS_CHARTS", "saved")
    assert "widget" not in theme.render(spec)[0]


def test_widget_carries_its_script_and_names_no_remote_address(spec):
    bundle = theme._widget(spec)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "https://esm.sh" not in alt.JupyterChart._esm
