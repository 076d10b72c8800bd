"""The Keras network: embedding, recurrent layers, attention, and a dense layer to logits."""
