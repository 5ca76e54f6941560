"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import META_FIELDS, Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

_LABEL = frozenset({"label"})
_SUBSET = Option(name="subset", help="the subset that the items shall be in")
_IDS = Option(
    name="ids",
    default="path",
    choices=("path", "datumaro"),
    help="items are called label/name, or label:name as in Datumaro 1.x",
)
_TOP = Option(
    name="top",
    default="",
    help="the folder that holds the labels' folders; detection finds it",
)
_META = Option(
    name="save_dataset_meta",
    type=bool,
    default=False,
    help="write dataset_meta.json, which keeps the order of the labels",
    label_fields=META_FIELDS,
    aliases=("save_meta",),
)


_EMNIST = (
    Option(name="split", help="which of EMNIST's datasets to read, as letters"),
    Option(
        name="transpose",
        default="auto",
        choices=("auto", "yes", "no"),
        help="whether images are stored column by column; auto: those of EMNIST",
    ),
)


def _holds(*reserved: str, subsets: bool = True) -> Capabilities:
    return Capabilities(
        annotations=_LABEL,
        needs_label=_LABEL,
        subsets=subsets,
        unfit_subsets=reserving(*reserved),
    )


_IMPORTERS = (
    ImporterInfo(
        name="imagenet",
        target="dsk_classification.imagenet:ImagenetImporter",
        summary="a folder of images for each label",
        detector="dsk_classification.detect:detect_imagenet",
        kinds=_LABEL,
        options=(_SUBSET, _IDS, _TOP),
        layout="<label>/<item>.<ext>, no_label/<item>.<ext>; labels may be nested folders",
    ),
    ImporterInfo(
        name="imagenet_with_subset_dirs",
        target="dsk_classification.imagenet:ImagenetSubsetsImporter",
        summary="a folder for each subset, in it a folder of images for each label",
        detector="dsk_classification.detect:detect_imagenet_subsets",
        kinds=_LABEL,
        options=(_IDS,),
        layout="<subset>/<label>/<item>.<ext>",
    ),
    ImporterInfo(
        name="imagenet_txt",
        target="dsk_classification.imagenet_txt:ImagenetTxtImporter",
        summary="lists of images with label numbers, as Caffe has them for ImageNet",
        detector="dsk_classification.detect:detect_imagenet_txt",
        kinds=_LABEL,
        options=(
            Option(
                name="labels",
                default="file",
                choices=("file", "generate"),
                help="where the labels' names come from; generate: class-0, class-1 …",
            ),
            Option(name="labels_file", default="synsets.txt", help="file of the labels' names"),
            Option(name="image_dir", default="images", help="folder of the images"),
        ),
        layout="<subset>.txt: <item>.<ext> <number> …; synsets.txt; images/<item>.<ext>",
    ),
    ImporterInfo(
        name="cifar",
        target="dsk_classification.cifar:CifarImporter",
        summary="CIFAR-10 and CIFAR-100, the Python version and the binary one",
        detector="dsk_classification.detect:detect_cifar",
        kinds=_LABEL,
        layout="batches.meta, data_batch_1 … test_batch (10); meta, train, test (100)",
    ),
    ImporterInfo(
        name="mnist",
        target="dsk_classification.mnist:MnistImporter",
        summary="MNIST, Fashion-MNIST, KMNIST, EMNIST, QMNIST: IDX files",
        detector="dsk_classification.detect:detect_mnist",
        kinds=_LABEL,
        options=_EMNIST,
        layout="<subset>-labels-idx1-ubyte.gz, <subset>-images-idx3-ubyte.gz; labels.txt",
    ),
    ImporterInfo(
        name="mnist_csv",
        target="dsk_classification.mnist_csv:MnistCsvImporter",
        summary="MNIST in CSV, Kaggle's tables too",
        detector="dsk_classification.detect:detect_mnist_csv",
        kinds=_LABEL,
        options=_EMNIST,
        layout="mnist_<subset>.csv: <label>,<pixel>,…; meta_<subset>.csv, labels.txt",
    ),
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return list(_IMPORTERS)


_EXPORTERS = (
    ExporterInfo(
        name="imagenet",
        target="dsk_classification.imagenet_export:ImagenetExporter",
        summary="a folder of images for each label",
        capabilities=_holds(subsets=False),
        options=(_META,),
        always_saves_media=True,
        layout="<label>/<item>.<ext>, no_label/<item>.<ext>",
    ),
    ExporterInfo(
        name="imagenet_with_subset_dirs",
        target="dsk_classification.imagenet_export:ImagenetSubsetsExporter",
        summary="a folder for each subset, in it a folder of images for each label",
        capabilities=_holds(),
        options=(_META,),
        always_saves_media=True,
        layout="<subset>/<label>/<item>.<ext>",
    ),
    ExporterInfo(
        name="imagenet_txt",
        target="dsk_classification.imagenet_txt_export:ImagenetTxtExporter",
        summary="lists of images with label numbers, as Caffe has them for ImageNet",
        capabilities=_holds("images", "synsets"),
        options=(_META,),
        layout="<subset>.txt: <item>.<ext> <number> …; synsets.txt; images/<item>.<ext>",
    ),
    ExporterInfo(
        name="cifar",
        target="dsk_classification.cifar_export:CifarExporter",
        summary="CIFAR-10; CIFAR-100 if labels have parents; the Python version",
        capabilities=Capabilities(
            annotations=_LABEL,
            needs_label=_LABEL,
            unfit_subsets=reserving("batches.meta", "meta", "dataset_meta.json"),
            label_fields=frozenset({"parent"}),
        ),
        options=(_META,),
        layout="batches.meta or meta, <subset>",
    ),
    ExporterInfo(
        name="mnist",
        target="dsk_classification.mnist_export:MnistExporter",
        summary="MNIST: IDX files of labels and gray images",
        capabilities=_holds(),
        options=(_META,),
        layout="<subset>-labels-idx1-ubyte.gz, <subset>-images-idx3-ubyte.gz; labels.txt",
    ),
    ExporterInfo(
        name="mnist_csv",
        target="dsk_classification.mnist_csv_export:MnistCsvExporter",
        summary="MNIST in CSV",
        capabilities=_holds(),
        options=(_META,),
        layout="mnist_<subset>.csv: <label>,<pixel>,…; meta_<subset>.csv, labels.txt",
    ),
)


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return list(_EXPORTERS)
