"""What is shown of an epoch."""

from mtlearn.training.callbacks._showing import format_row


def test_a_line_of_the_history():
    row = {
        "epoch": 3,
        "train_loss": 1.5,
        "valid_loss": 2.5,
        "train_a_loss": 0.25,
        "valid_a_loss": 0.5,
        "lr": 0.001,
        "seconds": 1.26,
    }
    expected = "epoch 3: loss 1.5000/2.5000 (a 0.2500/0.5000), lr 1.00e-03, 1.3 s"
    assert format_row(row, ("a",)) == expected
