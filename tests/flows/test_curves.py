import math
import xml.etree.ElementTree as ET

from flows.curves import draw


def test_a_long_run_becomes_a_picture_of_few_points():
    history = [
        {"step": step, "loss": 1 / step, "accuracy": 1 - 1 / step, "grad_norm": math.sin(step), "total_steps": 5000}
        | ({"held_out_loss": 2 / step} if step % 500 == 0 else {})
        for step in range(1, 5001)
    ]
    picture = draw(history)
    texts = {element.text for element in ET.fromstring(picture).iter() if element.tag.endswith("text")}
    assert {"loss", "accuracy", "gradient norm", "train", "held out", "step"} <= texts
    assert "margin" not in texts
    assert len(picture) < 1_000_000


def test_one_step_is_a_picture_too():
    assert draw([{"step": 1, "loss": 0.7}]).startswith("<svg")
