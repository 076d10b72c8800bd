"""A character-level LSTM in plain Keras, as a well-known tutorial builds it; docs/tutorial.md goes through it.

python docs/tutorial.py [TEXT] [EPOCHS]
"""

import sys
from pathlib import Path

import keras
import numpy as np

WINDOW = 50  # characters that the network sees before each prediction

# 1. Load the text
path = Path(sys.argv[1] if len(sys.argv) > 1 else "data/macbeth.txt")
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 1
text = path.read_text(encoding="utf-8").lower()

# 2. Map characters to integers
characters = sorted(set(text))
to_id = {character: id_ for id_, character in enumerate(characters)}
ids = np.array([to_id[character] for character in text])

# 3. Cut windows of 50 characters, each with the character after it as its target
windows = np.lib.stride_tricks.sliding_window_view(ids, WINDOW + 1)
x = (windows[:, :-1] / len(characters))[..., np.newaxis]  # (windows, 50, 1)
y = keras.utils.to_categorical(windows[:, -1], len(characters))  # (windows, vocabulary), one-hot

# 4. Build the network
model = keras.Sequential(
    [
        keras.Input((WINDOW, 1)),
        keras.layers.LSTM(300, return_sequences=True),
        keras.layers.Dropout(0.2),
        keras.layers.LSTM(300),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(len(characters), activation="softmax"),
    ]
)
model.compile(loss="categorical_crossentropy", optimizer="adam")

# 5. Train, and keep the best weights
best = keras.callbacks.ModelCheckpoint("best.weights.h5", monitor="loss", save_best_only=True, save_weights_only=True)
model.fit(x, y, epochs=epochs, batch_size=30, callbacks=[best])

# 6. Generate: predict, append, and slide the window
model.load_weights("best.weights.h5")
window = list(ids[:WINDOW])
for _ in range(500):
    inputs = np.array(window)[np.newaxis, :, np.newaxis] / len(characters)
    probabilities = model.predict(inputs, verbose=0)[0]
    window = [*window[1:], int(np.argmax(probabilities))]
    print(characters[window[-1]], end="", flush=True)
