"""What the process imports that `forked` forks others from."""

from importlib import import_module

from charlstm.network.backend import import_tensorflow

import_tensorflow()
import_module("charlstm.cli.app")
import_module("charlstm.training.loop")
