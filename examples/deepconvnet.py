"""The textbook's way to train DeepConvNet, with what each of its pieces is called here.

    python examples/deepconvnet.py                      20 epochs of MNIST, as in the book
    python examples/deepconvnet.py --data digits --epochs 5 --engine numpy

The book's network class is a list of layers, its Trainer is `fit`, its params.pkl is a file that holds data only.
"""

from __future__ import annotations

import argparse

from deepen import Callback, Model, View, data
from deepen.models.deepconvnet import deepconvnet
from deepen.optimizers import Adam


class Report(Callback):
    """Prints what the book's Trainer prints, but over all test images instead of the first 1,000."""

    def __init__(self, model: Model, images: object, labels: object) -> None:
        self.model, self.images, self.labels = model, images, labels

    def on_epoch_end(self, view: View) -> None:
        test = self.model.evaluate(self.images, self.labels)
        print(f"=== epoch:{view.epoch + 1}, train acc:{view.figures['accuracy']}, test acc:{test.accuracy} ===")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--engine", default="auto")
    arguments = parser.parse_args()

    # load_mnist(flatten=False): images (N, 1, 28, 28), labels (N,).
    dataset = data.load(arguments.data).resized(28, 28)
    x_train, t_train = dataset.train_images, dataset.train_labels
    x_test, t_test = dataset.test_images, dataset.test_labels

    # Six 3×3 convolutions, He initialization, ReLU, and dropout behind both dense layers, as the book has it.
    network = deepconvnet(dropout=0.5, logits_dropout=0.5)
    model = Model(network, (1, 28, 28), name="DeepConvNet")
    model.compile(Adam(learning_rate=0.001), engine=arguments.engine)
    report = Report(model, x_test, t_test)
    model.fit(x_train, t_train, epochs=arguments.epochs, batch_size=100, callbacks=[report])

    print("=============== Final Test Accuracy ===============")
    print(f"test acc:{model.evaluate(x_test, t_test).accuracy}")

    # save_params and load_params: parameters by name, the network beside them, no pickle.
    path = model.save("deep_convnet.safetensors")
    print("Saved Network Parameters!")
    loaded = Model.load(path)
    print(f"test acc of the saved network:{loaded.evaluate(x_test, t_test).accuracy}")


if __name__ == "__main__":
    main()
