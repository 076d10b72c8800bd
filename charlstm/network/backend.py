"""TensorFlow, with Keras on top of it: import them, or say why that is impossible."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from charlstm.errors import LibraryError
from charlstm.libraries import library_imports

BACKEND = "tensorflow"
CUSTOM_GRADIENT = "CustomGradient-"  # begins the names that TensorFlow registers functions of tf.custom_gradient by
WITHOUT = "generate, write, evaluate and info work without it"


def import_tensorflow(*, without: str = WITHOUT) -> None:
    """Import TensorFlow and Keras, with Keras's own defaults whatever the user's settings for it are.

    Raises LibraryError, with `without` for what works all the same, if one of them is missing, broken, or has another
    version or backend.
    """
    with _keras_defaults(), _without_pictures():  # TensorFlow imports Keras too
        with library_imports("TensorFlow", "tensorflow", without=without):
            import tensorflow.python  # noqa: F401  # a folder of that name has no such module
        with library_imports("Keras", "keras", without=without):
            import keras

            backend = keras.backend.backend()
    if backend != BACKEND:  # somebody imported it before us
        raise LibraryError(
            f"Keras uses {backend}, but charlstm needs its {BACKEND} backend",
            hint=f"set KERAS_BACKEND={BACKEND} before Keras is imported",
        )


def set_threads(num_cores: int) -> None:
    """Run each operation on one thread, and as many operations in parallel as there are cores: one per shard.

    Call it before TensorFlow's first operation; later calls change nothing.
    """
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # its warning about many graphs: we want one for each shape
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(num_cores)


def free_networks() -> None:
    """Free the networks that nothing uses any more, and their graphs.

    Keras keeps a graph of its own, and TensorFlow every function of `tf.custom_gradient`, with the tensors of the graph
    that it was built for: megabytes for each network. It needs them only while a graph is built.
    """
    if "keras" in sys.modules:
        import keras
        from tensorflow.python.framework import ops

        keras.backend.clear_session()
        registered = getattr(getattr(ops, "gradient_registry", None), "_registry", {})  # a TensorFlow may lack them
        for name in [name for name in registered if name.startswith(CUSTOM_GRADIENT)]:
            del registered[name]
    gc.collect()


@contextmanager
def tensorflow_memory_errors() -> Iterator[None]:
    """Raise MemoryError in the place of TensorFlow's own error. Import TensorFlow first."""
    from tensorflow import errors

    try:
        yield
    except errors.ResourceExhaustedError as error:
        raise MemoryError(str(error.message).partition("\n")[0]) from error


@contextmanager
def _keras_defaults() -> Iterator[None]:
    """Let Keras, if it is imported in this context, take our backend, and read and write no file of settings."""
    settings = {"KERAS_BACKEND": BACKEND, "KERAS_HOME": os.devnull}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_pictures() -> Iterator[None]:
    """Let Keras, if it is imported in this context, do without Matplotlib: importing it takes a third of a second."""
    name = "matplotlib"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it is an ImportError
    try:
        yield
    finally:
        del sys.modules[name]
