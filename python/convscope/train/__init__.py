"""Training: from a cache of sounds to networks, with nothing random that a step's number does not give.

config = read_config("ciwgan-8words")
state = new_state(config)
train(state, slices, Path("run"))
"""

from ._checkpoints import Best, best_checkpoint, checkpoints, load_checkpoint, save_checkpoint
from ._config import Code, Config, ConfigError, Data, Loss, Network, Optimiser, Run
from ._draws import Draws, Purpose
from ._evaluate import Evaluation, evaluate
from ._feed import Feed, StepInputs
from ._health import Health
from ._invert import Inversion, invert
from ._log import LOG, read_log
from ._loop import Look, Losses, Observer, TrainingError, Withheld, train
from ._losses import critic_loss, generator_loss, gradient_penalty, q_loss
from ._memory import kept_memory
from ._optimisers import TensorFlowAdam, TensorFlowRMSProp
from ._parallel import processes, rank, wait_for_others
from ._read import config_names, config_text, read_config, write_config
from ._sounds import sound_cache, sound_source, training_slices, withheld_sounds, withheld_words
from ._state import State, new_state
from ._steps import CriticInputs, GeneratorInputs, critic_step, generator_step

__all__ = [
    "LOG",
    "Best",
    "Code",
    "Config",
    "ConfigError",
    "CriticInputs",
    "Data",
    "Draws",
    "Evaluation",
    "Feed",
    "GeneratorInputs",
    "Health",
    "Inversion",
    "Look",
    "Loss",
    "Losses",
    "Network",
    "Observer",
    "Optimiser",
    "Purpose",
    "Run",
    "State",
    "StepInputs",
    "TensorFlowAdam",
    "TensorFlowRMSProp",
    "TrainingError",
    "Withheld",
    "best_checkpoint",
    "checkpoints",
    "config_names",
    "config_text",
    "critic_loss",
    "critic_step",
    "evaluate",
    "generator_loss",
    "generator_step",
    "gradient_penalty",
    "invert",
    "kept_memory",
    "load_checkpoint",
    "new_state",
    "processes",
    "q_loss",
    "rank",
    "read_config",
    "read_log",
    "save_checkpoint",
    "sound_cache",
    "sound_source",
    "train",
    "training_slices",
    "wait_for_others",
    "withheld_sounds",
    "withheld_words",
    "write_config",
]
