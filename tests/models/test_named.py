import pytest
from torch import nn

from fedmtl.errors import ModelError
from fedmtl.models.named import TaskDict, module_key


def test_parameters_carry_the_task_and_follow_its_order():
    modules = TaskDict({"semseg": nn.Linear(1, 1), "depth": nn.Linear(1, 1)})
    assert list(modules) == ["depth", "semseg"]
    assert [name for name, _ in modules.named_parameters()][:2] == ["depth.weight", "depth.bias"]
    assert "depth" in modules
    assert "edge" not in modules
    assert len(modules) == 2


@pytest.mark.parametrize("task", ["type", "half", "training", "parameters", "forward"])
def test_a_name_that_pytorch_has_taken_still_works(task):
    modules = TaskDict({task: nn.Linear(1, 1), "depth": nn.Linear(1, 1)})
    assert modules[task] is not modules["depth"]
    assert modules.state_dict().keys() >= {f"{task}-.weight"}
    assert list(modules) == sorted([task, "depth"])


@pytest.mark.parametrize("task", ["a.b", "a/b", "", "a b", "-a", "a-", "_a"])
def test_a_name_that_no_module_can_carry_is_refused(task):
    with pytest.raises(ModelError, match="letters and digits"):
        module_key(task)


@pytest.mark.parametrize("task", ["a", "human_parts", "part-2", "7"])
def test_other_names_stay_as_they_are(task):
    assert module_key(task) == task
