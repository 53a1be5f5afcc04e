// Parts by their names: the words people use, wherever they stand, and the names that only look like them.
import { describe, expect, test } from "vitest";
import {
  chooseParts,
  isGenericName,
  pairedRests,
  partOfFolder,
  partsOfFiles,
  partsOfFolders,
} from "../../src/data/part_names.ts";

describe("a folder", () => {
  const train = ["train", "TRAIN", "Train", "training", "training_set", "TrainingSet", "train-set", "trainset", "trn"];
  test.each([...train, "train2017", "train.X1", "01_train", "train_images", "traindata", "trainval", "Training Data"])(
    "%s is to train with",
    (name) => expect(partOfFolder(name)?.part).toBe("train"),
  );
  const val = ["val", "Val", "VALID", "validation", "validation_set", "valid_256", "dev", "eval", "val.X", "holdout"];
  test.each([...val, "test", "testing", "test_set", "Test-Images", "tst", "testset", "t10k", "evaluation", "valSet"])(
    "%s is to test with",
    (name) => expect(partOfFolder(name)?.part).toBe("test"),
  );
  test.each(["cats", "train_station", "bullet train", "valve", "tester", "trainer", "developer", "invalid", "devil"])(
    "%s is no part",
    (name) => expect(partOfFolder(name)).toBeNull(),
  );
  test.each(["train_val", "train-test-split", "", "7", "数据"])("%s names no part, or both", (name) =>
    expect(partOfFolder(name)).toBeNull(),
  );
});

test("ignores a word that siblings share", () => {
  const told = partsOfFolders(["seg_train", "seg_test", "seg_pred"]);
  expect([...told].map(([name, { part }]) => [name, part])).toEqual([
    ["seg_train", "train"],
    ["seg_test", "test"],
  ]);
  expect(partsOfFolders(["bullet_train", "bus"]).size).toBe(0);
  const glued = partsOfFolders(["traindir", "valdir", "otherdir"]);
  expect([...glued].map(([name, { part }]) => [name, part])).toEqual([
    ["traindir", "train"],
    ["valdir", "test"],
  ]);
  expect(partsOfFolders(["trainer", "tester"]).size).toBe(0);
  expect(partsOfFolders(["latest", "constrained"]).size).toBe(0);
  expect(pairedRests(["cats_train", "cats_test", "dogs_train", "dogs_test"])).toEqual(["cats", "dogs"]);
});

test("recognises names of neither parts nor classes", () => {
  expect(["images", "labels", "JPEGImages", "masks_png", "dataset 2"].map(isGenericName)).toEqual(
    new Array<boolean>(5).fill(true),
  );
  expect(["cats", "a", "my_data"].map(isGenericName)).toEqual([false, false, false]);
});

describe("files", () => {
  const parts = (...paths: string[]) =>
    Object.fromEntries([...partsOfFiles(paths).parts].map(([path, { part }]) => [path, part]));

  test.each([
    ["imagenet-train-000000.tar", "imagenet-val-000000.tar"],
    ["mydata_train_0001.tar", "mydata_val_0001.tar"],
    ["train-00000-of-00010.parquet", "test-00000-of-00001.parquet"],
    ["data/train-00000-of-00002.parquet", "data/validation-00000-of-00001.parquet"],
    ["default/train/0000.parquet", "default/test/0000.parquet"],
    ["train/00000.tar", "dev/00000.tar"],
    ["ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"],
    ["shard-TRAIN.000.tar", "shard-TESTING.000.tar"],
    ["cc12m-wds-trainingSet-1.tar", "cc12m-wds-evalSet-1.tar"],
    ["test_data-train-0.tar", "test_data-val-0.tar"],
    ["train2017/x.tar", "val2017/x.tar"],
  ])("%s and %s", (train, test) => {
    expect(parts(train, test)).toEqual({ [train]: "train", [test]: "test" });
  });

  test.each([
    ["imagenettrain-0.tar", "imagenetval-0.tar"],
    ["a.train.tar", "a.val.tar"],
    ["default/TRAIN.0.parquet", "default/TEST.0.parquet"],
  ])("%s and %s", (train, held) => {
    const { parts } = partsOfFiles([train, held]);
    expect([parts.get(train)?.part, parts.get(held)?.part]).toEqual(["train", "test"]);
  });
  test("finds no part in contests, latest and constraints", () => {
    expect(partsOfFiles(["contest-0.tar", "latest-0.tar", "constrained_000.tar"]).parts.size).toBe(0);
  });

  test("reports names with both words, and leaves names without a part open", () => {
    expect(partsOfFiles(["train-val-0.tar", "x-0.tar"]).both).toEqual(["train-val-0.tar"]);
    expect(partsOfFiles(["trainval-0.tar", "x-0.tar", "extra-0.tar"])).toMatchObject({ aside: ["extra-0.tar"] });
    expect(parts("training-wheels-0.tar")).toEqual({ "training-wheels-0.tar": "train" });
    expect(parts("0.tar", "1.tar", "trains-0.tar", "valley.tar")).toEqual({});
  });
});

test("prefers val to test, and reports unused names", () => {
  const names = ["eval", "test", "train", "training", "val", "val2"];
  expect(chooseParts(names, partsOfFolders(names))).toEqual({
    train: ["train"],
    test: ["val", "val2"],
    unused: ["eval", "test", "training"],
  });
});
