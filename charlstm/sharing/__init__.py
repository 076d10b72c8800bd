"""Models on the Hugging Face Hub: a model file and a card that says what it is, up and down."""
