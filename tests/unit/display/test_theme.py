"""The look of charts and what a notebook keeps of them."""

import altair as alt
import pytest

from toolkit.display.charts import palette, theme


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


def test_marks_carry_their_tooltips_into_the_drawing():
    values = alt.Data(values=[{"a": 1, "b": "it's <b>"}])
    tips = [alt.Tooltip("a:Q", title="n"), alt.Tooltip("b:N")]
    plain = alt.Chart(values).mark_bar().encode(x="a:Q")
    drawn = theme.to_svg((plain + plain.mark_point().encode(tooltip=tips)).to_dict())
    described = [part for part in drawn.split("<path ") if "\ue001" in part]
    assert 1 == len(described)
    assert 'aria-label="n\ue0011\ue000b\ue001it\'s &lt;b&gt;"' in described[0].replace("&#39;", "'")
    assert 'aria-roledescription="bar"' not in drawn


def luminance(color):
    named = {"white": "#FFFFFF", "black": "#000000"}
    parts = [int(named.get(color, color)[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_texts_have_enough_contrast_on_a_light_and_on_a_dark_page():
    for text in (palette.INK, palette.MUTED, palette.WARNING):
        for behind in ("white", palette.STRIPE):
            assert contrast(text, behind) >= 4.5, (text, behind)
            assert contrast(palette.DARK[text], palette.DARK[behind]) >= 4.5, (text, behind)
    # White texts on filled boxes become dark ones on light boxes.
    for box in (palette.BLUE, palette.INK):
        assert contrast("white", box) >= 4.5
        assert contrast(palette.DARK["white"], palette.DARK[box]) >= 4.5
