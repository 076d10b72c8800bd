"""Build the texts of the models that ship with charlstm. Not part of the wheel."""
