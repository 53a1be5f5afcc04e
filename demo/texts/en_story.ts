// The English texts of the story, the presets, the camera and the sheet for teachers.
export const enStory = {
  "story.heading": "The story",
  "story.back": "Back",
  "story.next": "Next",
  "story.follow": "Follow the run",
  "story.page": "{n} of {of}",
  "story.presets": "Runs worth a look:",
  "story-title.network": "This is a network",
  "story-text.network":
    "Each point is one of its {weights} weights: a number that says how much one signal counts for another. At the start they are random, and the network only guesses.",
  "story-title.learns": "It learns",
  "story-text.learns":
    "It looks at handwritten digits and moves every weight a little after each look. It now reads {accuracy} of digits that it has never seen.",
  "story-title.gate": "A gate opens",
  "story-text.gate":
    "Weights closer to zero than the gate, now at {threshold}, become exactly zero: they count for nothing. {gone} of them are gone.",
  "story-title.half": "More than half are gone",
  "story-text.half":
    "Only {left} of the weights are left, and the network still reads {accuracy} of new digits. Those that remain take over the work.",
  "story-title.end": "What it cost",
  "story-text.end":
    "{gone} of the weights are gone for good, and {accuracy} of new digits are read right. A file without the zeros is much smaller.",
  "story-title.break": "Now break it",
  "story-text.break":
    "Push the gate up until the network fails: it is at {threshold}, with {left} left. Then pull it back and see what returns. Draw a digit meanwhile.",
  "preset.miracle": "The miracle",
  "preset-note.miracle": "Most weights go, and the accuracy stays.",
  "preset.far": "Too far",
  "preset-note.far": "The gate opens until nothing is left to read with.",
  "preset.early": "Early or late?",
  "preset-note.early": "Two gates end at the same place: one opens with steady pressure, the other presses early.",
  "preset.spikes": "Spikes",
  "preset-note.spikes": "Neurons that fire, as in a brain: fewer weights mean fewer additions.",
  "preset.learned": "Learned thresholds",
  "preset-note.learned": "Each layer learns how far its own gate opens.",
  "teach.tab": "Espalier: a sheet for teachers",
  "teach.title": "How much of a network is needed?",
  "teach.lead":
    "A sheet for a lesson with the page of Espalier, which trains a network in the browser and prunes it while the class watches. It needs no account and no installation.",
  "teach.questions": "Questions and answers",
  "teach.try": "Runs to show",
  "teach.private":
    "Everything is computed on the computer in front of you. Drawings and pictures are not sent anywhere.",
  "teach-q.network": "What are the points?",
  "teach-a.network":
    "Each is a weight: a number by which one signal is multiplied before it is added to others. Learning changes these numbers.",
  "teach-q.zero": "What happens to a weight that is pruned?",
  "teach-a.zero":
    "It becomes exactly zero. Multiplying by it gives nothing, so it need be neither stored nor computed.",
  "teach-q.why": "Why does the network still work?",
  "teach-a.why":
    "It had more weights than the task needs, and it goes on learning while weights disappear: the others take over.",
  "teach-q.test": "Why are there test pictures?",
  "teach-a.test":
    "A network can learn its training pictures by heart. Only pictures that it has never seen show whether it has understood.",
  "teach-q.break": "How far can one prune?",
  "teach-a.break":
    "Let the class bet, then push the gate up. The accuracy stays for long and then falls within a few steps.",
  "teach-q.back": "Can a weight come back?",
  "teach-a.back":
    "Yes, while it learns: the page keeps the value behind each zero, and a lower gate lets it through again.",
  "teach-q.size": "How much smaller does the file become?",
  "teach-a.size":
    "The page stores one bit for each weight and a number for each that is not zero. Compare the two sizes at the end of a run.",
  "teach-q.fast": "Is the pruned network also faster?",
  "teach-a.fast":
    "Only if the program skips the zeros. Measure it in the page: dense and sparse kernels run in turns on the same computer.",
  "camera.title": "Camera",
  "camera.note": "Hold one digit on paper in front of the camera. The picture stays in this page.",
  "camera.take": "Take the picture",
  "camera.close": "Close",
  "camera.none": "The camera cannot be used: {reason}",
} as const;
