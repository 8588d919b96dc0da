import pytest
import yaml

from clients.deployed_site import deployed_site
from clients.memory import measure
from clients.model import ClientModel
from fedmtl.config import Plan
from fedmtl.errors import RefusalError
from tests.clients.deployed import make_site
from tests.federations import TINY, tiny


@pytest.fixture
def site(tmp_path):
    return make_site(tmp_path)


def write(folder, **changes):
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(TINY) | changes))
    return str(path)


def test_the_model_is_counted_and_the_machine_has_room(site, tmp_path):
    found = measure(site.file, write(tmp_path))
    described = deployed_site(site.file)
    model = ClientModel.build(Plan.of(tiny()), described.tasks, ["depth", "semseg"], 3)
    assert found.parameters == sum(layout.size for layout in model.vectors.layouts.values())
    assert (found.device, found.batch) == ("cpu", 2)
    assert 0 < found.needed < found.free <= found.total


def test_what_a_batch_takes_grows_with_it_and_with_its_images(site, tmp_path):
    training, data = {"batch_size": 100}, yaml.safe_load(TINY)["data"] | {"image_size": [64, 96]}
    batch = measure(site.file, write(tmp_path, training=training)).needed
    larger = measure(site.file, write(tmp_path, training=training, data=data)).needed
    one = measure(site.file, write(tmp_path, training=training | {"batch_size": 1})).needed
    # The process itself grows by some megabytes from call to call; a batch takes far more.
    assert batch - one > 100e6
    assert larger - one == pytest.approx(4 * (batch - one), rel=0.3)


def test_a_scenario_that_the_site_refuses_is_refused(tmp_path):
    site = make_site(tmp_path, limits={"methods": ["fedprox"]})
    with pytest.raises(RefusalError, match=r"limits\.methods"):
        measure(site.file, write(tmp_path))
